"""Sensor series: runs of several channels, cut into windows that carry their run."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kdcore.spec.base import Strict
from kdcore.spec.bringing.rows import Classes, Column, Columns, Pattern, RowsBringing
from kdcore.spec.cards import SplitName


class Window(Strict):
    """How runs are cut.

    Attributes:
        length: samples of a window.
        stride: samples from one window's beginning to the next one's; left out, windows lie one behind the other.
        test: windows of each run that the test split keeps: ``all``, or the ``last`` alone, as where the time that is
            left is judged once a machine.
    """

    length: int = Field(ge=1, le=1_000_000)
    stride: int | None = Field(default=None, ge=1, le=1_000_000)
    test: Literal["all", "last"] = "all"


class RunLabels(Strict):
    """A table with the labels of whole runs.

    Attributes:
        file: its path within the upload; read as ``reading`` says.
        run: the column that names a run: by the path of its file, the file's name without its ending, or the value of
            the runs' column.
        columns: with the label.
    """

    file: Pattern
    run: Column
    columns: Columns = Field(min_length=1)


class Remaining(Strict):
    """What is left of a run at the end of a window, in samples; runs end with nothing left.

    Attributes:
        cap: larger values become this one, since nobody can see wear before it begins.
        ends: for splits whose runs stop earlier, a file with what was left at each run's end: a number a line, in the
            order of the runs.
    """

    cap: float | None = Field(default=None, gt=0)
    ends: dict[SplitName, Pattern] = {}


class SeriesTarget(Strict):
    """What a window is labelled with: exactly one of ``columns``, ``folder``, ``table`` and ``remaining``.

    Attributes:
        columns: of the samples; several as for tables.
        take: which value a window takes of its samples'; ``majority`` takes the earlier class where two are equal.
        ahead: so many samples after the window's end; with ``take: last``.
        folder: the name of the folder that a run's file lies in.
        table: a table of labels.
        remaining: the time that is left.
    """

    columns: Columns = ()
    take: Literal["last", "majority", "mean", "max", "min"] = "last"
    ahead: int = Field(default=0, ge=0, le=1_000_000)
    folder: Literal[True] | None = None
    table: RunLabels | None = None
    remaining: Remaining | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(map(bool, (self.columns, self.folder, self.table, self.remaining is not None))) != 1:
            raise ValueError("give exactly one of columns, folder, table and remaining")
        if self.ahead and self.take != "last":
            raise ValueError("ahead looks at one sample: leave take out")
        return self


class Series(RowsBringing):
    """Runs of sensors: a file each, or one table with a column of runs.

    Attributes:
        run: the column that says which run a row belongs to, within its file; left out, every file is a run.
        time: the column of times: numbers, or dates after ISO 8601; it is no channel.
        time_unit: of times that are numbers.
        channels: columns that networks get, in this order; left out, all that mean nothing else.
        drop: columns to leave out.
        resample: samples a second; runs are brought to them by linear interpolation, labels keep the last value.
        gap: a step of more than so many usual steps is a gap, and no window lies across one.
        rate_hz: samples a second where no column says so; for the record.
    """

    format: Literal["series"] = "series"
    task: Literal["classification", "multilabel", "regression"]
    target: SeriesTarget
    classes: Classes = {}
    separator: Annotated[str, Field(min_length=1, max_length=10)] = ","
    run: Column | None = None
    time: Column | None = None
    time_unit: Literal["s", "ms", "us", "ns", "min", "h"] = "s"
    channels: Columns = ()
    drop: Columns = ()
    window: Window
    resample: float | None = Field(default=None, gt=0, le=1e6)
    gap: float = Field(default=10, gt=1)
    rate_hz: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.resample is not None and self.time is None:
            raise ValueError("resample needs the times of samples: name their column in time")
        if self.time is not None and self.rate_hz is not None:
            raise ValueError("the rate follows from time: leave rate_hz out")
        if self.target.folder and self.run is not None:
            raise ValueError("folders label files, and run says that a file has several runs: label them by a column")
        if self.channels and self.drop:
            raise ValueError("channels name all that is kept, so nothing is left to drop: give one of them")
        return self._task_fits()

    def _task_fits(self) -> Self:
        take, numeric = self.target.take, self.task == "regression"
        if self.target.remaining is not None and not numeric:
            raise ValueError("what remains is a number: say task: regression")
        if self.classes and numeric:
            raise ValueError("classes are for tasks that have some; regression has values: leave them out")
        if take == "majority" and self.task != "classification":
            raise ValueError("a majority needs classes: take the last, mean or max value, or say task: classification")
        if take == "mean" and not numeric:
            raise ValueError("a mean needs numbers: take the majority, last or max, or say task: regression")
        return self
