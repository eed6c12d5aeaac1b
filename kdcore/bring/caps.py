"""What a file that somebody brings may cost, at most."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict


class Caps(Strict):
    """Limits that the operator sets.

    Attributes:
        members: files in an archive.
        unpacked_bytes: of all files of an archive together.
        ratio: unpacked bytes of a member for each of its packed bytes, above one megabyte.
        item_bytes: of one picture or document.
        pixels: of one picture, before it is brought to size.
        examples: of a dataset.
        pack_bytes: of the arrays of a dataset.
        line_bytes: of one line of a text file.
        columns: of a table.
        classes: of a dataset.
        groups: of examples, such as runs.
        row_group_bytes: of one column in one row group of a Parquet file, unpacked.
        model_bytes: of a file of weights, a graph or a table of outputs.
        tensors: in a file of weights.
        listed: faults that a report spells out; all are counted.
    """

    members: int = Field(default=1_000_000, ge=1)
    unpacked_bytes: int = Field(default=50 * 10**9, ge=1)
    ratio: float = Field(default=200, ge=1)
    item_bytes: int = Field(default=10**8, ge=1)
    pixels: int = Field(default=10**8, ge=1)
    examples: int = Field(default=5_000_000, ge=1)
    pack_bytes: int = Field(default=50 * 10**9, ge=1)
    line_bytes: int = Field(default=10**7, ge=1)
    columns: int = Field(default=10_000, ge=1)
    classes: int = Field(default=10_000, ge=2)
    groups: int = Field(default=1_000_000, ge=1)
    row_group_bytes: int = Field(default=10**9, ge=1)
    model_bytes: int = Field(default=20 * 10**9, ge=1)
    tensors: int = Field(default=100_000, ge=1)
    listed: int = Field(default=200, ge=1)
