"""Pictures that are nearly equal and lie in different splits: the same shot saved twice, cut or compressed anew.

Two are called alike when the signs of their grey gradients differ in at most three of 64 places ("difference hash",
N. Krawetz, "Kind of Like That", 2013) and their 16 x 16 thumbnails by few levels. That the pairs are looked for in
buckets of equal quarters of the hash, which finds all of them, and that crowded buckets are passed over, is our own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kdcore.bring.cutting import Places
from kdcore.bring.findings import Findings
from kdcore.bring.room import Array
from kdcore.bring.steps import Steps
from kdcore.bring.twins import SHOWN
from kdcore.spec.cards import SplitName

MOST: Final = 100_000
"""Pictures beyond which nobody looks for such pairs."""

CROWD: Final = 256
"""Pictures of a bucket beyond which it says nothing: blank corners look all the same."""

BITS: Final = 3
LEVELS: Final = 4.0
"""Mean difference of thumbnails, of 255."""

_THUMB: Final = 16


def lookalikes(
    rows: Array, parts: Mapping[SplitName, Places], twins: Places, names: Sequence[str], found: Findings, steps: Steps
) -> dict[str, Any]:
    """What the report says of pictures that resemble one of another split; warns of them.

    Args:
        rows: uint8 [N, C, H, W].
        twins: pairs that are equal are not counted here.
    """
    if len(parts) < 2 or len(rows) > MOST:
        return {"checked": False, "count": 0, "pairs": []}
    hashes, thumbs = _signatures(rows, steps)
    split = np.zeros(len(rows), dtype=np.int8)
    for number, places in enumerate(parts.values()):
        split[places] = number
    alike: set[tuple[int, int]] = set()
    for band in range(4):
        keys = (hashes >> np.uint64(16 * band)) & np.uint64(0xFFFF)
        for bucket in _buckets(keys):
            alike.update(_pairs(bucket, hashes, thumbs, split, twins))
    pairs = [[names[one], names[other]] for one, other in sorted(alike)[:SHOWN]]
    if alike:
        message = f"{len(alike)} pairs of pictures in different splits are nearly equal: look whether they are one shot"
        found.warn("near_duplicates", message, pairs=pairs)
    return {"checked": True, "count": len(alike), "pairs": pairs}


def _signatures(rows: Array, steps: Steps) -> tuple[NDArray[np.uint64], NDArray[np.int16]]:
    hashes = np.empty(len(rows), dtype=np.uint64)
    thumbs = np.empty((len(rows), _THUMB * _THUMB), dtype=np.int16)
    for place in range(len(rows)):
        grey = Image.fromarray(np.asarray(rows[place]).mean(axis=0).astype(np.uint8))
        levels = np.asarray(grey.resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
        hashes[place] = np.packbits(levels[:, 1:] > levels[:, :-1]).view(np.uint64)[0]
        thumbs[place] = np.asarray(grey.resize((_THUMB, _THUMB), Image.Resampling.BOX)).reshape(-1)
        steps.advance()
    return hashes, thumbs


def _buckets(keys: NDArray[np.uint64]) -> Iterator[Places]:
    """Places of equal keys, where there are several but no crowd."""
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(np.diff(keys[order])) + 1
    starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(keys)]])
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if 1 < end - start <= CROWD:
            yield order[start:end]


def _pairs(
    bucket: Places, hashes: NDArray[np.uint64], thumbs: NDArray[np.int16], split: NDArray[np.int8], twins: Places
) -> Iterator[tuple[int, int]]:
    of_bucket, sides = hashes[bucket], split[bucket]
    is_near = np.bitwise_count(of_bucket[:, None] ^ of_bucket[None]) <= BITS
    is_near &= (sides[:, None] < sides[None]) & (twins[bucket][:, None] != twins[bucket][None])
    for one, other in np.argwhere(is_near):
        first, second = int(bucket[one]), int(bucket[other])
        if np.abs(thumbs[first] - thumbs[second]).mean() <= LEVELS:
            yield first, second
