"""Where a network's stages end: which of its blocks come last at their resolution, told by shapes alone."""

from __future__ import annotations

from collections.abc import Iterable

Shape = tuple[int, ...]


def stage_ends(blocks: Iterable[tuple[str, Shape | None]], most: int) -> tuple[str, ...]:
    """Paths of at most ``most`` stage ends, from input to output.

    In a network that changes its resolution these are the last blocks of the deepest resolutions; in one whose
    blocks all have the same shape, as in a vision transformer, evenly spaced blocks, the last one among them.
    Vectors count only where a network has nothing else.

    Args:
        blocks: path and shape (without the batch) of each block, in order; None where it is not one tensor.
        most: 1 or more.
    """
    known = [(path, shape) for path, shape in blocks if shape is not None]
    spatial = [(path, shape) for path, shape in known if len(shape) > 1] or known
    # Without the first size: channels-first maps leave height and width, tokens and channels-last maps the width.
    last = {shape[1:]: path for path, shape in spatial}
    if len(last) > 1:
        return tuple(last.values())[-most:]
    return _evenly([path for path, _ in spatial], most)


def _evenly(paths: list[str], most: int) -> tuple[str, ...]:
    count = min(most, len(paths))
    return tuple(paths[(i + 1) * len(paths) // count - 1] for i in range(count))
