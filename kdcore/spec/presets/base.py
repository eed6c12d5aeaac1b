"""What a preset is, and the terms that most of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kdcore.spec.base import Strict
from kdcore.spec.objective import Kind, MethodSpec, Stage, Term

NetworkKind = Literal["convolutional", "transformer", "generator", "detector"]
"""What a method has to know of its networks: blocks of maps, blocks of tokens with attention, that they write, or
pyramid and heads."""


@dataclass(frozen=True)
class Preset:
    """A method as data.

    Attributes:
        title, paper, summary: for people.
        options: model of its options, defaults included.
        expand: options and epochs to the stages, or to a whole method where it has networks of its own.
        min_epochs: fewest epochs that its stages can share.
        teacher: whether it needs one.
        reconstruction: what the sources do not say and we decided, empty when nothing.
        kinds: the kinds of networks that it trains.
    """

    title: str
    paper: str
    summary: str
    options: type[Strict]
    expand: Callable[[Any, int], tuple[Stage, ...] | MethodSpec]
    min_epochs: int = 1
    teacher: bool = True
    reconstruction: str = ""
    kinds: tuple[NetworkKind, ...] = ("convolutional", "transformer")


Presets = Mapping[str, Preset]


def task(weight: float = 1, smoothing: float = 0) -> Term:
    """The task loss."""
    options = {"label_smoothing": smoothing} if smoothing else {}
    return Term(source=("labels",), distance=Kind(kind="cross_entropy", options=options), weight=weight)
