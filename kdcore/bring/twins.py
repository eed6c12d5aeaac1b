"""Examples that are equal: found by digest, within a split and across splits, where they are leaks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.cutting import Places
from kdcore.bring.findings import Findings
from kdcore.bring.room import Array
from kdcore.bring.steps import Steps
from kdcore.spec.cards import SplitName

SHOWN: Final = 20
"""Pairs that a report spells out."""


def digests(rows: Array, steps: Steps) -> NDArray[np.uint64]:
    """Eight bytes of each row's digest: of five million rows, two share them by chance once in a million datasets."""
    found = np.empty(len(rows), dtype=np.uint64)
    for place in range(len(rows)):
        data = np.ascontiguousarray(rows[place]).tobytes()
        found[place] = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest())
        steps.advance()
    return found


def twins_of(found: NDArray[np.uint64]) -> Places:
    """For each digest the place of the first that is equal to it: int64 [N]."""
    _, firsts, which = np.unique(found, return_index=True, return_inverse=True)
    return firsts[which].astype(np.int64)


def duplicates(
    twins: Places, parts: Mapping[SplitName, Places], targets: Array, names: Sequence[str], found: Findings
) -> dict[str, Any]:
    """What the report says of equal inputs; warns of leaks between splits and of contradicting answers."""
    within = {split: len(places) - len(np.unique(twins[places])) for split, places in parts.items()}
    across = [_shared(twins, parts, one, other, names, found) for one, other in _pairs(list(parts))]
    second = np.flatnonzero(twins != np.arange(len(twins)))
    contrary = [int(place) for place in second if not np.array_equal(targets[place], targets[twins[place]])]
    if contrary:
        pairs = [[names[int(twins[place])], names[place]] for place in contrary[:SHOWN]]
        message = f"{len(contrary)} examples equal others that have another answer: keep the right one"
        found.warn("contradiction", message, pairs=pairs)
    return {"within": within, "across": [entry for entry in across if entry["count"]], "contradictions": len(contrary)}


def _pairs(splits: Sequence[SplitName]) -> list[tuple[SplitName, SplitName]]:
    return [(one, other) for place, one in enumerate(splits) for other in splits[place + 1 :]]


def _shared(
    twins: Places,
    parts: Mapping[SplitName, Places],
    one: SplitName,
    other: SplitName,
    names: Sequence[str],
    found: Findings,
) -> dict[str, Any]:
    leaked = parts[other][np.isin(twins[parts[other]], twins[parts[one]])]
    first = dict(zip(twins[parts[one]].tolist(), parts[one].tolist(), strict=True))
    pairs = [[names[first[int(twins[place])]], names[place]] for place in leaked[:SHOWN]]
    if len(leaked):
        message = f"{len(leaked)} examples of {other} are in {one} as well: figures on {other} will be too good"
        found.warn("leak", message, splits=[one, other], pairs=pairs)
    return {"splits": [one, other], "count": len(leaked), "pairs": pairs}
