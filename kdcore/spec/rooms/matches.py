"""Which layers belong together: the strategies of the layer-selection study."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import Piece, Table


class MatchOptions(Strict):
    """``k``: use only that many student layers; ``seed``: of the random strategies; ``embeddings``: pair them, too."""

    k: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**31)
    embeddings: bool = False


STUDY = "Yu, Wen, Mou 2025 (arXiv 2502.04499)"

MATCHES: Table = {
    **{
        name: Piece(MatchOptions, summary, STUDY)
        for name, summary in {
            "forward": "Student block i follows teacher block ceil((i+1) T/S) - 1.",
            "reverse": "The forward map turned round.",
            "all-to-one": "Every student block follows the teacher's middle block.",
            "random": "The forward map, shuffled once by the seed.",
            "in-order-random": "Teacher blocks drawn by the seed, kept in order.",
            "last-k": "The last k blocks of both.",
            "none": "No pair at all.",
        }.items()
    },
    "all": Piece(MatchOptions, "Every student block follows every teacher block, each with weight 1/T."),
    "forward-halving": Piece(
        MatchOptions, "The forward map; each pair counts half as much as the next deeper one, the deepest fully."
    ),
    "weighted": Piece(
        MatchOptions,
        "Every student block follows a sum of all teacher blocks whose weights are learned (adapter mixture).",
    ),
}
