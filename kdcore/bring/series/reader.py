"""The reader of series: inputs float32 [N, C, L], every window with its run as its group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.cutting import Places, cut
from kdcore.bring.room import Array, Reading, Room
from kdcore.bring.series.even import Even, even
from kdcore.bring.series.labels import remaining, run_labels
from kdcore.bring.series.runs import Run, SampleReader, Samples, given
from kdcore.bring.series.windows import WindowNames, Windows, filled, taken, windows
from kdcore.bring.targets import Targets, Values, targets
from kdcore.spec.bringing.series import Series
from kdcore.spec.cards import InputCard, SplitName, TargetCard

Numbers = NDArray[np.float64]


def read_series(room: Room, options: Series) -> Reading:
    """The windows of all runs.

    Raises:
        EngineError: ``invalid_data``, naming run, channel and remedy.
    """
    wanted = _wanted(options, room)
    samples = SampleReader(options, room, wanted if options.target.columns else None).read()
    evened = even(samples, options, room)
    found = windows(evened, samples.runs, options, room.found)
    labels = _labels(evened, found, samples, wanted, options, room)
    good = np.flatnonzero(~np.isnan(labels).any(axis=1))
    found, labels = found.take(good), _packed(labels[good], options)
    room.found.settle(len(found))
    parts, used = _parts(found, labels, samples, options, room)
    return _reading(evened, found.take(used), labels[used], samples, wanted, parts, options, room)


def _wanted(options: Series, room: Room) -> Targets:
    target = options.target
    if target.remaining is not None:
        return Values(["remaining"], comma=False)
    columns = target.table.columns if target.table is not None else target.columns or ("folder",)
    comma = options.reading.decimal == "comma"
    return targets(options.task, columns, options.classes, options.separator, room.caps, comma=comma)


def _labels(evened: Even, found: Windows, samples: Samples, wanted: Targets, options: Series, room: Room) -> Numbers:
    """[N, K] class numbers, labels or values; NaN where one is missing, which was said."""
    target = options.target
    if target.remaining is not None:
        return remaining(evened, found, samples.runs, target.remaining, room)
    if not target.columns:
        return _settled(wanted, run_labels(samples.runs, wanted, options, room), room)[found.run]
    return taken(_settled(wanted, evened.labels, room), found, target.take, target.ahead)


def _settled(wanted: Targets, rows: Array, room: Room) -> Numbers:
    """Rows as read, [n, width], as what they mean: [n, K], NaN where something is missing."""
    missing = np.isnan(rows).any(axis=1)
    if missing.all():
        room.found.settle(0)
    found = wanted.settled(rows[~missing])
    whole = np.full((len(rows), 1 if found.ndim == 1 else found.shape[1]), np.nan)
    whole[~missing] = found.reshape(len(found), -1)
    return whole


def _packed(labels: Numbers, options: Series) -> Array:
    return labels[:, 0].astype(np.int64) if options.task == "classification" else labels.astype(np.float32)


def _parts(
    found: Windows, labels: Array, samples: Samples, options: Series, room: Room
) -> tuple[dict[SplitName, Places], Places]:
    """The splits, cut by run; and the windows that any of them has, to which the places of the splits refer."""
    of_run = given(samples.runs)
    groups = _groups(samples.runs)[found.run]
    raw = Reading(
        options.task, InputCard(kind="series", shape=()), TargetCard(classes=()), found.start, labels, (),
        [of_run[run] for run in found.run.tolist()], groups,
    )  # fmt: skip
    parts = cut(raw, options.cut, np.arange(len(found)), room.found)
    if options.window.test == "last" and "test" in parts:
        last = found.is_last()
        parts["test"] = parts["test"][last[parts["test"]]]
    used = np.sort(np.concatenate(list(parts.values())))
    return {split: np.searchsorted(used, places) for split, places in parts.items()}, used


def _groups(runs: Sequence[Run]) -> Places:
    return np.array([run.group for run in runs], np.int64)


def _reading(
    evened: Even,
    found: Windows,
    labels: Array,
    samples: Samples,
    wanted: Targets,
    parts: dict[SplitName, Places],
    options: Series,
    room: Room,
) -> Reading:
    shape = (len(samples.channels), found.length)
    inputs = room.rows("inputs", len(found), shape, np.float32)
    filled(evened, found, inputs)
    of_run = given(samples.runs)
    return Reading(
        task=options.task,
        input=InputCard(kind="series", shape=shape, channels=samples.channels, rate_hz=evened.rate_hz),
        target=TargetCard(classes=wanted.names),
        inputs=inputs,
        targets=labels,
        names=WindowNames(found, samples.runs),
        given=[of_run[run] for run in found.run.tolist()],
        groups=_groups(samples.runs)[found.run],
        parts=parts,
        figures={"runs": len(samples.runs), "samples": int(evened.lengths.sum())},
    )
