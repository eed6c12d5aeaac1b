"""What a piece of a room is: its options, what it reads, what it needs, where its formula comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kdcore.spec.base import Strict
from kdcore.spec.tasks import TaskName

Reads = Literal["logits", "features", "labels", ""]


class NoOptions(Strict):
    """A piece without options."""


@dataclass(frozen=True)
class Piece:
    """One named piece of a room.

    Attributes:
        options: model of its options.
        summary: one sentence.
        source: paper or origin of the formula.
        reads: what a distance compares: ``logits``, ``features``, or ``labels`` (logits against labels).
        adapts: whether the features are brought to one shape first unless the spec says otherwise; relations of a
            batch, for instance, can be compared between features of any two widths.
        maps: whether it looks at maps with height and width only, not at vectors or tokens.
        positions: whether it looks at positions, which vectors have not.
        needs: what a distance cannot do without beside its two sides: ``target``, ``mask``, ``index``,
            ``student_head``, ``teacher_head``, ``student_logits``, ``teacher_logits``, ``student_network``,
            ``teacher_network``.
        tasks: what the networks have to answer where it reads ``logits`` or ``labels``, or needs a network.
        batch_coupled: whether what it makes of one picture depends on the others of the batch, so that a batch taken in
            equal micro-batches gives another loss, or a balance another step; or a function of its options that says
            so. Of adapters it is not said here: their BatchNorm layers are what couples.
    """

    options: type[Strict]
    summary: str
    source: str = ""
    reads: Reads = ""
    adapts: bool = True
    maps: bool = False
    positions: bool = False
    needs: tuple[str, ...] = ()
    batch_coupled: bool | Callable[[Any], bool] = False
    tasks: tuple[TaskName, ...] = ("classification",)

    def couples(self, options: Strict) -> bool:
        """Whether the piece with these options couples the pictures of a batch."""
        said = self.batch_coupled
        return said if isinstance(said, bool) else said(options)


Table = Mapping[str, Piece]
