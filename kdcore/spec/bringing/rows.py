"""How files of rows are read: which of them, in which encoding, with which columns; for tables, series and texts."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from kdcore.spec.base import Name, Strict, Switch
from kdcore.spec.bringing.base import Bringing
from kdcore.spec.cards import SplitName

Encoding = Literal[
    "auto", "utf-8", "utf-16", "latin-1", "iso-8859-15", "cp1250", "cp1251", "cp1252", "koi8-r",
    "shift_jis", "euc-jp", "gb18030", "big5", "euc-kr",
]  # fmt: skip
Delimiter = Literal["auto", "comma", "semicolon", "tab", "pipe", "spaces"]


def _named(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str | int) else value


def _renamed(value: Any) -> Any:
    return {str(one): str(one) for one in value} if isinstance(value, list | tuple) else value


Column = Annotated[str, Field(min_length=1, max_length=1000), BeforeValidator(_named, json_schema_input_type=str | int)]
"""A column by its name; by its place from 0 where a file has no header."""

Columns = Annotated[tuple[Column, ...], BeforeValidator(_several, json_schema_input_type=str | int | list[str | int])]
"""Several columns, or the name of one."""

Classes = Annotated[dict[str, Name], BeforeValidator(_renamed, json_schema_input_type=dict[str, str] | list[str | int])]
"""Values as files have them, with the names to show, in the order of the classes; or a list of the values."""

Pattern = Annotated[str, Field(min_length=1, max_length=500)]
"""Files by their paths within the upload; ``*`` stands for any characters."""


class RowsReading(Strict):
    """How a file of rows is taken apart.

    Attributes:
        encoding: of text files; ``auto`` takes UTF-8, or UTF-16 with its mark, and refuses anything else.
        delimiter: between columns; ``auto`` refuses a file that can be read in two ways.
        quotes: whether quotation marks enclose cells; ``auto``: yes, but not between tabs and spaces.
        header: whether the first line has the columns' names.
        names: of the columns where there is no header; without them columns are called by their place, from 0.
        decimal: what divides whole and parts in numbers.
        pattern: of lines that are no table, such as ``{label} {text}``: every name in braces becomes a column, the text
            between two names parts them, and the last name takes the rest of the line.
    """

    encoding: Encoding = "auto"
    delimiter: Delimiter = "auto"
    quotes: Switch = "auto"
    header: bool = True
    names: tuple[Name, ...] = ()
    decimal: Literal["point", "comma"] = "point"
    pattern: Annotated[str, Field(min_length=3, max_length=500)] | None = None

    @model_validator(mode="after")
    def _names_instead_of_a_header(self) -> Self:
        if self.names and self.header:
            raise ValueError("names stand for a header that is missing: say header: false, or leave names out")
        if len(set(self.names)) < len(self.names):
            raise ValueError("names must differ from each other")
        return self


class FilesBringing(Bringing):
    """A dataset in several files.

    Attributes:
        files: patterns of the files that belong to it; left out, all files of the one kind that is there.
        splits: patterns by split, where files are splits; left out, splits are taken from names such as ``train.csv``
            and ``test.csv`` where every file has one.
    """

    files: tuple[Pattern, ...] = ()
    splits: dict[SplitName, tuple[Pattern, ...]] = {}

    @model_validator(mode="after")
    def _one_way_to_name_files(self) -> Self:
        if self.files and self.splits:
            raise ValueError("files and splits both name files: give one of them")
        if self.splits and "train" not in self.splits:
            raise ValueError("splits lack train: name its files")
        return self


class RowsBringing(FilesBringing):
    """A dataset in files of rows: CSV, TSV, JSON lines, Parquet, or lines after a pattern.

    Attributes:
        reading: how they are taken apart.
    """

    reading: RowsReading = RowsReading()


class LabelledRows(RowsBringing):
    """Rows that carry their labels.

    Attributes:
        task: what the labels are.
        target: the column with the class, the labels or the value; of several, one for each class (exactly one is 1),
            label (0 or 1) or value.
        classes: values of the target; left out, those that occur, in the order of their numbers or their letters.
        separator: between labels of one column; for ``multilabel`` with one target.
        split_column: a column that says ``train``, ``validation`` or ``test``.
        group: a column that says which examples belong together; no two splits share a group.
    """

    task: Literal["classification", "multilabel", "regression"]
    target: Columns = Field(min_length=1)
    classes: Classes = {}
    separator: Annotated[str, Field(min_length=1, max_length=10)] = ","
    split_column: Column | None = None
    group: Column | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.split_column is not None and self.splits:
            raise ValueError("splits and split_column both say what is for training: give one of them")
        if self.classes and self.task == "regression":
            raise ValueError("classes are for tasks that have some; regression has values: leave them out")
        if self.classes and len(self.target) > 1:
            raise ValueError("several target columns are the classes themselves: leave classes out")
        return self
