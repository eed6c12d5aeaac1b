"""Which layers belong together: the maps of the layer-selection study, known before any network is built.

Source: Yu, Wen, Mou 2025 (arXiv 2502.04499) and the maps in its published code. Blocks are counted from 0, so a
block's hidden state is number ``block + 1`` of a transformer's; the embedding's, number 0, is block ``EMBEDDING``.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

EMBEDDING = -1
"""What a pair calls the embedding: it stands in front of block 0, and is no index from the end."""


class Pair(NamedTuple):
    """A student block, the teacher block it follows, and the weight of their distance."""

    student: int
    teacher: int
    weight: float = 1.0


def forward_map(students: int, teachers: int) -> list[int]:
    """Teacher block of each student block: ``ceil((i + 1) * teachers / students) - 1``."""
    return [-(-(i + 1) * teachers // students) - 1 for i in range(students)]


def copy_map(students: int, teachers: int) -> list[int]:
    """Teacher block that each student block starts as: ``min(floor(i * teachers / (students - 1)), teachers - 1)``.

    First and last block are copied, and those between evenly. The formula is fitted to the published code's lists for
    3 of 12 and 9 of 36 blocks (its lists for 28 and 40 blocks are made by hand and follow none). A student of one
    block starts as the teacher's first.
    """
    return [min(i * teachers // max(students - 1, 1), teachers - 1) for i in range(students)]


def middle_block(teachers: int) -> int:
    """The block behind hidden state ``teachers // 2``, the embedding's being number 0."""
    return max(teachers // 2 - 1, 0)


def _reverse(students: int, teachers: int, _generator: random.Random) -> list[int]:
    return forward_map(students, teachers)[::-1]


def _in_order(students: int, teachers: int, generator: random.Random) -> list[int]:
    draw = generator.sample(range(teachers), min(students, teachers))
    return sorted(draw + generator.choices(range(teachers), k=students - len(draw)))


_MAPS: dict[str, Callable[[int, int, random.Random], list[int]]] = {
    "forward": lambda students, teachers, _: forward_map(students, teachers),
    "reverse": _reverse,
    "all-to-one": lambda students, teachers, _: [middle_block(teachers)] * students,
    "random": lambda students, teachers, generator: generator.sample(forward_map(students, teachers), students),
    "in-order-random": _in_order,
}
EVERY = ("all", "weighted")
"""Strategies that pair every student block with every teacher block."""
HALVING = "forward-halving"
STRATEGIES = (*_MAPS, HALVING, "last-k", *EVERY, "none")


def layer_pairs(
    strategy: str,
    students: int,
    teachers: int,
    *,
    k: int | None = None,
    seed: int = 0,
    embeddings: bool = False,
) -> list[Pair]:
    """The pairs of a strategy over ``students`` and ``teachers`` blocks.

    Args:
        strategy: ``forward``, ``reverse``, ``all-to-one``, ``random`` (the forward map permuted once by ``seed``),
            ``in-order-random``, ``forward-halving`` (the forward map, each pair at half the weight of the next deeper
            one), ``last-k``, ``all`` (every student block with every teacher block, each at
            ``1 / teachers``, so that a student block counts as much as elsewhere), ``weighted`` (the same pairs, whose
            weights the adapter ``mixture`` learns) or ``none``.
        k: how many student blocks take part: spread evenly as the forward map spreads, or the last ones for
            ``last-k`` (default 1 there, all elsewhere).
        seed: of the random strategies; the same seed gives the same pairs in every run.
        embeddings: pair the embeddings, too, as the first pair; ``all-to-one`` sends the student's to the teacher's
            middle block, as the published code does, and ``none`` pairs nothing.

    Raises:
        ValueError: unknown strategy, no blocks, or ``k`` larger than the networks.
    """
    if students < 1 or teachers < 1:
        raise ValueError(f"both networks need blocks (student {students}, teacher {teachers})")
    if strategy not in STRATEGIES:
        raise ValueError(f"no layer strategy {strategy!r}; known: {', '.join(STRATEGIES)}")
    most = min(students, teachers) if strategy == "last-k" else students
    if k is not None and not 1 <= k <= most:
        raise ValueError(f"k must lie between 1 and {most} (got {k})")
    if strategy == "none":
        return []
    first = [Pair(EMBEDDING, middle_block(teachers) if strategy == "all-to-one" else EMBEDDING)]
    return first * embeddings + _pairs(strategy, students, teachers, k, seed)


def _pairs(strategy: str, students: int, teachers: int, k: int | None, seed: int) -> list[Pair]:
    if strategy == "last-k":
        count = k or 1
        return [Pair(students - count + i, teachers - count + i) for i in range(count)]
    chosen = forward_map(k, students) if k else list(range(students))
    if strategy in EVERY:
        return [Pair(s, t, 1 / teachers) for s in chosen for t in range(teachers)]
    if strategy == HALVING:
        depths = enumerate(zip(chosen, forward_map(len(chosen), teachers), strict=True), start=1)
        return [Pair(s, t, 2.0 ** (depth - len(chosen))) for depth, (s, t) in depths]
    generator = random.Random(seed)  # noqa: S311 - a layer map is no secret
    return [Pair(s, t) for s, t in zip(chosen, _MAPS[strategy](len(chosen), teachers, generator), strict=True)]
