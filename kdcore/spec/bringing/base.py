"""What every way to bring a dataset shares."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kdcore.spec.base import JobName, Name, Strict
from kdcore.spec.tasks import TaskName

Share = Annotated[float, Field(gt=0, lt=0.9)]


class Cut(Strict):
    """How splits that were not given are cut: seeded, by group where there are groups, stratified where classes are.

    Attributes:
        validation, test: shares of all examples; None leaves the cut to each job.
        seed: of the draw.
    """

    validation: Share | None = None
    test: Share | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)


class Bringing(Strict):
    """A dataset as its user describes it.

    Attributes:
        name: of the dataset.
        licence: as its authors state it.
        quarantine: leave damaged items out, and list them, instead of refusing the whole.
        cut: how splits are made that were not given.
    """

    name: JobName
    licence: Name | None = None
    quarantine: bool = False
    cut: Cut = Cut()


class Size(Strict):
    """The size that all pictures are brought to, in pixels, and how.

    Attributes:
        height, width: the commonest of the pictures when both are left out, at most 256 a side.
        fit: ``stretch`` to it, ``crop`` the middle after scaling, or ``pad`` with grey after scaling.
        color: ``rgb``, ``grey``, or ``auto``: grey where every picture is.
    """

    height: int | None = Field(default=None, ge=4, le=2048)
    width: int | None = Field(default=None, ge=4, le=2048)
    fit: Literal["stretch", "crop", "pad"] = "crop"
    color: Literal["auto", "rgb", "grey"] = "auto"


__all__ = ["Bringing", "Cut", "Share", "Size", "TaskName"]
