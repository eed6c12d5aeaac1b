"""Factors on the learning rate by module path: what never learns, and what learns more slowly the earlier it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Rates = Mapping[str, float]
"""Factors by prefix of a parameter's name: the longest one counts, the empty one is for what has none, else it is 1."""


def rate_of(name: str, rates: Rates) -> float:
    """The factor of the longest prefix of ``name`` that ends at a dot or is all of it; 1 where there is none."""
    fitting = [prefix for prefix in rates if _leads_to(prefix, name)]
    return rates[max(fitting, key=len)] if fitting else 1.0


def _leads_to(prefix: str, name: str) -> bool:
    return prefix in ("", name) or name.startswith(prefix.rstrip(".") + ".")


def product(*parts: Rates) -> dict[str, float]:
    """Rates whose factor for any name is the product of the parts' factors."""
    result: dict[str, float] = {}
    for prefix in dict.fromkeys(prefix for part in parts for prefix in part):
        result[prefix] = 1.0
        for part in parts:
            result[prefix] *= rate_of(prefix, part)
    return result


def frozen(paths: Sequence[str]) -> dict[str, float]:
    """Rates under which nothing at ``paths`` learns."""
    return dict.fromkeys(paths, 0.0)


def by_depth(decay: float, layers: Sequence[str], blocks: Sequence[str]) -> dict[str, float]:
    """Rates that fall by ``decay`` from each block to the one before it; what follows the last block has 1.

    ELECTRA (Clark et al. 2020, arXiv 2003.10555) and BEiT (Bao et al. 2021, arXiv 2106.08254): of ``n`` blocks, block
    ``i`` from 1 has ``decay ** (n + 1 - i)`` and what lies before the first has ``decay ** (n + 1)``. A layer between
    two blocks goes with the later one (ours).

    Args:
        layers: all module paths, from input to output, parents before children.
        blocks: some of them, in the same order.
    """
    place = {path: number for number, path in enumerate(layers)}
    starts = [place[block] for block in blocks]
    result = {"": decay ** (len(blocks) + 1)}
    for path in layers:
        level = _level(path, place[path], blocks, starts)
        rate = decay ** (len(blocks) + 1 - level)
        if rate != rate_of(path, result):
            result[path] = rate
    return result


def _level(path: str, at: int, blocks: Sequence[str], starts: Sequence[int]) -> int:
    """0 before the first block, then the block's number from 1, or one more than the last behind it."""
    inside = [number for number, block in enumerate(blocks, 1) if path == block or path.startswith(block + ".")]
    if inside:
        return inside[-1]
    passed = sum(start < at for start in starts)
    return 0 if passed == 0 else passed + 1
