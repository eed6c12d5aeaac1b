"""Networks of a spec by architecture, and the further ones that a method may declare."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from kdcore.spec.base import Name, Strict
from kdcore.spec.named import Named, PresetRef
from kdcore.spec.training import TeacherTraining

Options = dict[str, bool | int | float | str]
"""Options of an architecture's family."""


class Network(Strict):
    """A network by architecture.

    Attributes:
        architecture: name in the catalogue, such as ``resnet20`` or ``torchvision/mobilenet_v3_small``.
        width: factor on the channels, for families that have it.
        classes: number of outputs; the dataset's when left out.
        options: further options of the family, such as ``{heads: 6}``; ``distill architectures show`` lists them.
    """

    architecture: Name
    width: float | None = Field(default=None, gt=0, le=16)
    classes: int | None = Field(default=None, ge=2, le=100_000)
    options: Options = {}


class PathNetwork(Named):
    """A derived network: another way through a network that is there, with learned parts of its own.

    Attributes:
        path: which kind of path, such as ``prompts``; its options stand beside it.
        of: the network it leads through.
        borrows: a second network that it takes a part from (spelt ``from``), for paths that need one.
        learning_rate_scale: factor on the learning rate of what it learns: prompts in a deep frozen network move
            its output more than their size tells. A path that is delivered learns at the student's rate.
    """

    path: Name
    of: Name = "teacher"
    borrows: Name = Field(default="teacher", alias="from")
    learning_rate_scale: float = Field(default=0.2, gt=0, le=100)


class Peer(Strict):
    """A network that learns beside the student, from its own initial weights.

    Attributes:
        like: the network whose architecture it has.
        learning_rate_scale: factor on its learning rate.
    """

    like: Name = "student"
    learning_rate_scale: float = Field(default=1, gt=0, le=100)


class Further(Strict):
    """A network that is trained before the student, or brought as weights: an assistant, an older generation, one
    more teacher.

    Attributes:
        architecture, width, classes, options: as of the teacher; or
        like: the network whose architecture it has.
        train: how it is trained.
        weights: a file of weights instead; only for ``python -m kdcore``.
        follows: the network that teaches it; nobody when left out.
        method: a preset without networks of its own, by which ``follows`` teaches it.
    """

    architecture: Name | None = None
    width: float | None = Field(default=None, gt=0, le=16)
    classes: int | None = Field(default=None, ge=2, le=100_000)
    options: Options = {}
    like: Name | None = None
    train: TeacherTraining | None = None
    weights: str | None = None
    follows: Name | None = None
    method: PresetRef = PresetRef(preset="hinton")


def _network_kind(value: Any) -> str:
    known = set(value) if isinstance(value, dict) else set(getattr(type(value), "model_fields", ()))
    if "path" in known:
        return "Path"
    return "Further" if known & {"train", "weights", "architecture"} else "Peer"


OtherNetwork = Annotated[
    Annotated[PathNetwork, Tag("Path")] | Annotated[Peer, Tag("Peer")] | Annotated[Further, Tag("Further")],
    Discriminator(_network_kind),
]
"""A network that a method declares beside teacher and student."""
