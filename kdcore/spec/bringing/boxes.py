"""Datasets of pictures with boxes around objects: Pascal VOC, COCO and YOLO."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kdcore.spec.base import Name
from kdcore.spec.bringing.base import Bringing, Size
from kdcore.spec.bringing.pictures import FilePath


class BoxSize(Size):
    """A size that keeps every object in the picture.

    Attributes:
        fit: ``pad`` with grey after scaling, so that objects keep their shapes, or ``stretch``.
    """

    fit: Literal["stretch", "pad"] = "pad"


class Boxes(Bringing):
    """Pictures with boxes.

    Attributes:
        size: what all pictures are brought to; boxes go with them.
        flip: whether a mirrored picture with mirrored boxes is as good as the first.
        least_side: boxes with a shorter side than so many pixels, at the new size, are left out and counted.
    """

    size: BoxSize = BoxSize()
    flip: bool | None = None
    least_side: float = Field(default=1.0, ge=0, le=64)


class Voc(Boxes):
    """Pascal VOC: ``Annotations/*.xml``, ``JPEGImages``, and lists of names in ``ImageSets/Main``, if there are any.

    Attributes:
        classes: names, in the order of their numbers; those that occur, sorted, when left out.
        difficult: whether objects marked so are kept.
        first_pixel: what the leftmost pixel is called: 1 in VOC's own files, 0 in those of many tools.
    """

    format: Literal["voc"] = "voc"
    classes: tuple[Name, ...] = ()
    difficult: bool = False
    first_pixel: Literal[0, 1] = 1


class Coco(Boxes):
    """COCO: JSON files of images, annotations and categories. Crowds are left out.

    Attributes:
        train, validation, test: the JSON files; found by their names or their folders' when left out.
        images: the folder that ``file_name`` starts from; found when left out.
    """

    format: Literal["coco"] = "coco"
    train: FilePath | None = None
    validation: FilePath | None = None
    test: FilePath | None = None
    images: FilePath | None = None


class Yolo(Boxes):
    """YOLO: a text file for each picture, ``class cx cy w h`` a line in shares of its sides, under ``labels``.

    Attributes:
        classes: names; those of ``data.yaml`` or ``classes.txt`` when left out.
    """

    format: Literal["yolo"] = "yolo"
    classes: tuple[Name, ...] = ()


AnyBoxes = Voc | Coco | Yolo
