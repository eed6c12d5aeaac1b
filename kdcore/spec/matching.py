"""Which layers belong together: the maps of the layer-selection study, known before any network is built.

Source: Yu, Wen, Mou 2025 (arXiv 2502.04499) and the maps in its published code. Blocks are counted from 0 and
embeddings are apart.
"""

from __future__ import annotations

import random
from typing import NamedTuple


class Pair(NamedTuple):
    """A student block, the teacher block it follows, and the weight of their distance."""

    student: int
    teacher: int
    weight: float = 1.0


def forward_map(students: int, teachers: int) -> list[int]:
    """Teacher block of each student block: ``ceil((i + 1) * teachers / students) - 1``."""
    return [-(-(i + 1) * teachers // students) - 1 for i in range(students)]


def _map(strategy: str, students: int, teachers: int, seed: int) -> list[int]:
    forward = forward_map(students, teachers)
    generator = random.Random(seed)  # noqa: S311 - a layer map is no secret
    match strategy:
        case "forward":
            return forward
        case "reverse":
            return forward[::-1]
        case "all-to-one":
            return [max(teachers // 2 - 1, 0)] * students
        case "random":
            return generator.sample(forward, students)
        case "in-order-random":
            draw = generator.sample(range(teachers), min(students, teachers))
            return sorted(draw + generator.choices(range(teachers), k=students - len(draw)))
    raise ValueError(
        f"no layer strategy {strategy!r}; known: forward, reverse, all-to-one, random, in-order-random, last-k, none"
    )


def layer_pairs(strategy: str, students: int, teachers: int, *, k: int | None = None, seed: int = 0) -> list[Pair]:
    """The pairs of a strategy over ``students`` and ``teachers`` blocks.

    Args:
        strategy: ``forward``, ``reverse``, ``all-to-one``, ``random`` (the forward map permuted once by ``seed``),
            ``in-order-random``, ``last-k`` or ``none``.
        k: how many student blocks take part: spread evenly as the forward map spreads, or the last ones for
            ``last-k`` (default 1 there, all elsewhere).
        seed: of the random strategies; the same seed gives the same pairs in every run.

    Raises:
        ValueError: unknown strategy, no blocks, or ``k`` larger than the networks.
    """
    if students < 1 or teachers < 1:
        raise ValueError(f"both networks need blocks (student {students}, teacher {teachers})")
    most = min(students, teachers) if strategy == "last-k" else students
    if k is not None and not 1 <= k <= most:
        raise ValueError(f"k must lie between 1 and {most} (got {k})")
    if strategy == "none":
        return []
    if strategy == "last-k":
        count = k or 1
        return [Pair(students - count + i, teachers - count + i) for i in range(count)]
    chosen = forward_map(k, students) if k else list(range(students))
    return [Pair(s, t) for s, t in zip(chosen, _map(strategy, len(chosen), teachers, seed), strict=True)]
