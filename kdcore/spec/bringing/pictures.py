"""Datasets of pictures with one answer each, or a mask each: folders, tables of paths, idx and NPZ files."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kdcore.spec.base import Name, Strict
from kdcore.spec.bringing.base import Bringing, Size
from kdcore.spec.bringing.rows import RowsReading
from kdcore.spec.tasks import InputKind

FilePath = Annotated[str, Field(min_length=1, max_length=500)]
Byte = Annotated[int, Field(ge=0, le=255)]


class Pictures(Bringing):
    """Pictures that are files.

    Attributes:
        size: what all of them are brought to.
        flip: whether a mirrored picture keeps its answer; jobs mirror none when nobody said.
    """

    size: Size = Size()
    flip: bool | None = None


class ImageFolder(Pictures):
    """A folder for each class, or folders ``train``, ``validation``, ``test`` with a folder for each class in them."""

    format: Literal["image-folder"] = "image-folder"


class ImageCsv(Pictures):
    """Pictures, and a CSV file (or TSV, JSON lines, Parquet) with a row for each of them.

    Attributes:
        file: the file of rows; needed where there are several.
        reading: how it is taken apart.
        image: the column of paths, relative to ``folder``.
        folder: of the pictures; the uploaded files' own when left out.
        label: the column of classes; with ``separator``, of several labels.
        separator: stands between the labels of one picture.
        labels: columns of 0 and 1, a label each.
        values: columns of numbers to predict.
        classes: names of the classes in their order; those that occur, sorted, when left out.
        split: the column that says ``train``, ``validation`` or ``test``.
        group: the column that says what belongs together: a patient, a machine, a day.
    """

    format: Literal["image-csv"] = "image-csv"
    file: FilePath | None = None
    reading: RowsReading = RowsReading()
    image: Name = "image"
    folder: FilePath | None = None
    label: Name | None = None
    separator: Annotated[str, Field(min_length=1, max_length=3)] | None = None
    labels: tuple[Name, ...] = ()
    values: tuple[Name, ...] = ()
    classes: tuple[Name, ...] = ()
    split: Name | None = None
    group: Name | None = None

    @model_validator(mode="after")
    def _one_kind_of_answer(self) -> Self:
        given = [name for name in ("label", "labels", "values") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"give one of label, labels and values (got {', '.join(given) or 'none'})")
        if self.separator is not None and self.label is None:
            raise ValueError("separator divides the column named by label: give label")
        if self.classes and self.label is None:
            raise ValueError("classes are those of the column named by label: leave them out")
        return self


class Idx(Bringing):
    """MNIST's own form: files ``...idx3-ubyte`` and ``...idx1-ubyte``, packed by gzip or not.

    Attributes:
        images, labels: file names; those that begin with ``train`` when left out.
        test_images, test_labels: of the test split; those that begin with ``t10k`` or ``test``, where there are any.
        classes: names of the classes; their numbers when left out.
        flip: whether a mirrored picture keeps its class.
    """

    format: Literal["idx"] = "idx"
    images: FilePath | None = None
    labels: FilePath | None = None
    test_images: FilePath | None = None
    test_labels: FilePath | None = None
    classes: tuple[Name, ...] = ()
    flip: bool | None = None


class Npz(Bringing):
    """NumPy arrays in NPZ or NPY files. An array is named by its key, by ``file.npz:key``, or as ``file.npy``.

    Attributes:
        inputs, targets: arrays with a row for each example.
        validation_inputs, validation_targets, test_inputs, test_targets: of splits that are given.
        groups: whole numbers that say which rows of ``inputs`` belong together.
        kind: ``image`` uint8 [N, H, W], [N, H, W, C] or [N, C, H, W]; ``series`` [N, L] or [N, C, L]; ``table`` [N, F];
            from the type and the number of axes when left out.
        channels: where pictures with four axes have their channels; where there are 1 or 3 when left out.
        task: from the targets when left out: whole numbers [N] are classes, 0 and 1 [N, K] labels, others values.
        names: of a series' channels or a table's columns.
        rate_hz: samples a second of a series.
        classes: names of the classes, labels or values; their numbers when left out.
        flip: whether a mirrored picture keeps its answer.
    """

    format: Literal["npz"] = "npz"
    inputs: FilePath = "inputs"
    targets: FilePath = "targets"
    validation_inputs: FilePath | None = None
    validation_targets: FilePath | None = None
    test_inputs: FilePath | None = None
    test_targets: FilePath | None = None
    groups: FilePath | None = None
    kind: InputKind | None = None
    channels: Literal["first", "last"] | None = None
    task: Literal["classification", "multilabel", "regression"] | None = None
    names: tuple[Name, ...] = ()
    rate_hz: float | None = Field(default=None, gt=0)
    classes: tuple[Name, ...] = ()
    flip: bool | None = None

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        for split in ("validation", "test"):
            inputs, targets = getattr(self, f"{split}_inputs"), getattr(self, f"{split}_targets")
            if (inputs is None) != (targets is None):
                raise ValueError(f"give {split}_inputs and {split}_targets together")
        if self.kind == "tokens":
            raise ValueError("token ids come from texts: bring them in a text format")
        return self


class MaskClass(Strict):
    """A class of masks that are painted: its name and its colour, red, green and blue."""

    name: Name
    color: tuple[Byte, Byte, Byte]


class ImageMasks(Pictures):
    """Pictures and masks, a folder each, matched by name without suffix; ``train`` and its kin above or below them.

    Attributes:
        images, masks: names of the two folders.
        mask_suffix: stands behind a picture's name in its mask's: ``_mask``.
        classes: names of the classes where a mask's pixels are their numbers; the numbers when left out.
        colors: the classes where masks are painted; pixels of other colours are ignored.
        ignored: the number of pixels that count nowhere.
    """

    format: Literal["image-masks"] = "image-masks"
    images: Name = "images"
    masks: Name = "masks"
    mask_suffix: Annotated[str, Field(max_length=40)] = ""
    classes: tuple[Name, ...] = ()
    colors: tuple[MaskClass, ...] = Field(default=(), max_length=255)
    ignored: Byte = 255

    @model_validator(mode="after")
    def _classes_once(self) -> Self:
        if self.classes and self.colors:
            raise ValueError("colors name the classes already: leave classes out")
        if len({entry.color for entry in self.colors}) != len(self.colors):
            raise ValueError("colors has one colour twice: give each class its own")
        return self


AnyPictures = ImageFolder | ImageCsv | Idx | Npz | ImageMasks
