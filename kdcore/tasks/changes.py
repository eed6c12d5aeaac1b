"""Who pays for the compression: what the student lost and gained class by class and group by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdcore.measure.documents import Change, Changes, Parts
from kdcore.measure.holm import holm
from kdcore.measure.intervals import Interval, paired_difference
from kdcore.seeds import derive
from kdcore.tasks.base import Judged
from kdcore.tasks.spread import around, draws, resampled

MOST_GROUPS = 50
LEVEL = 0.05
RESAMPLES = 1_000
FEWEST = 5
"""Examples of a group that are worth resampling."""
TEACHER, ALONE, STUDENT = "teacher", "alone", "student"

Outcome = Literal["amplifies", "inherits", "reduces", "unclear"]


@dataclass(frozen=True)
class Part:
    """One class or group.

    Attributes:
        values: figure of each network.
        drawn: the same on resamples, [R], in one order for all networks and parts.
        right: of an accuracy, whether each network is right on each of its examples.
    """

    name: str
    examples: int
    values: Parts
    drawn: Mapping[str, Tensor]
    right: Mapping[str, NDArray[np.bool_]] | None = None

    def less(self, other: str) -> float | None:
        """The student's figure less another network's; None where one of them has none."""
        own, others = self.values[STUDENT], self.values.get(other)
        return None if own is None or others is None else own - others


def by_class(judged: Mapping[str, Judged], *, seed: int = 0) -> Changes | None:
    """The task's figure of each class; None where fewer than two classes have one.

    Where an accuracy decides, the figure is the recall, and two networks are compared on the examples of the class as
    the verdict compares them on all (paired bootstrap with pseudo-observations, McNemar's p). Elsewhere all examples
    are resampled, and p is that of the change over its standard error.
    """
    rows = {name: one.by_class() for name, one in judged.items()}
    if sum(row["value"] is not None for row in rows[STUDENT]) < 2:
        return None
    drawn = _classes_drawn(judged, seed)
    members = _members(judged[STUDENT])
    parts = []
    for place, row in enumerate(rows[STUDENT]):
        values: Parts = {name: found[place]["value"] for name, found in rows.items()}
        of_class = {name: found[:, place] for name, found in drawn.items()}
        right = None if members is None else {name: one.right()[members[place]] for name, one in judged.items()}
        parts.append(Part(row["name"], row["examples"], values, of_class, right))
    return _changes("class", parts, higher=True)


def by_group(judged: Mapping[str, Judged], groups: Tensor, *, most: int = MOST_GROUPS, seed: int = 0) -> Changes | None:
    """The task's deciding figure on the examples of each group; None where there are fewer than two groups.

    Each group is resampled by itself; one with fewer than five examples has no interval and is never notable.

    Args:
        groups: int64 [N], of each example.
        most: so many of the largest groups are compared; how many are left out stands in the document.
    """
    names, member, counts = torch.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        return None
    largest = sorted(range(len(names)), key=lambda at: (-int(counts[at]), at))[:most]
    parts = [_group(judged, str(int(names[at])), (member == at).nonzero()[:, 0], seed) for at in sorted(largest)]
    higher = judged[STUDENT].task.info.metric.higher_is_better
    return _changes("group", parts, higher=higher, left_out=len(names) - len(largest))


def _group(judged: Mapping[str, Judged], name: str, index: Tensor, seed: int) -> Part:
    metric = judged[STUDENT].task.info.metric.name
    own = {part: one.part(index) for part, one in judged.items()}
    drawn = resampled(list(own.values()), derive(seed, "group", name), RESAMPLES)
    right = {part: one.right() for part, one in own.items()} if metric == "accuracy" else None
    values: Parts = {part: _number(float(one.figures()[metric])) for part, one in own.items()}
    return Part(name, len(index), values, dict(zip(own, (one[metric] for one in drawn), strict=True)), right)


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _classes_drawn(judged: Mapping[str, Judged], seed: int) -> dict[str, Tensor]:
    """The figure of every class on the same resamples for all networks: [R, K] each."""
    found: dict[str, list[Tensor]] = {name: [] for name in judged}
    for weights in draws(len(judged[STUDENT]), seed, RESAMPLES):
        for name, one in judged.items():
            found[name].append(one.class_values(weights))
    return {name: torch.cat(parts) for name, parts in found.items()}


def _members(judged: Judged) -> list[NDArray[np.bool_]] | None:
    """Of a task that an accuracy decides, which examples are of each class."""
    if judged.task.info.metric.name != "accuracy":
        return None
    _, _, true = judged.rows.chunk(3, -1)
    return [column.numpy() for column in (true > 0).unbind(1)]


def _changes(by: Literal["class", "group"], parts: Sequence[Part], *, higher: bool, left_out: int = 0) -> Changes:
    compared = [_compared(part) for part in parts]
    adjusted = holm([p for _, p in compared])
    rows = [_change(part, found, p <= LEVEL) for part, (found, _), p in zip(parts, compared, adjusted, strict=True)]
    sign = 1 if higher else -1
    gains = [(sign * (row["change"] or 0.0), row["name"]) for row in rows if row["notable"]]
    spreads, found = _spreads(parts)
    return Changes(
        by=by,
        parts=rows,
        worst=[name for gain, name in sorted(gains) if gain < 0],
        spread=spreads,
        interval=None if found is None else list(found),
        outcome=_outcome(found, spreads.get(TEACHER)),
        left_out=left_out,
    )


def _change(part: Part, interval: Interval | None, sure: bool) -> Change:
    outside = interval is not None and (interval[0] > 0 or interval[1] < 0)
    return Change(
        name=part.name,
        examples=part.examples,
        values=part.values,
        change=part.less(TEACHER),
        from_alone=part.less(ALONE),
        interval=None if interval is None else list(interval),
        notable=sure and outside,
    )


def _compared(part: Part) -> tuple[Interval | None, float]:
    """Interval of student less teacher, and p; nothing and 1 where it cannot be said."""
    change = part.less(TEACHER)
    if change is None:
        return None, 1.0
    if part.right is not None:
        paired = paired_difference(part.right[STUDENT], part.right[TEACHER], resamples=RESAMPLES)
        return paired.interval, paired.p_value
    apart = part.drawn[STUDENT] - part.drawn[TEACHER]
    apart = apart[apart.isfinite()]
    error = float(apart.std()) if len(apart) > RESAMPLES // 2 else 0.0
    if part.examples < FEWEST or error == 0:
        return None, 1.0
    return around(change, apart), erfc(abs(change) / error / sqrt(2))


def _spreads(parts: Sequence[Part]) -> tuple[Parts, Interval | None]:
    """Best minus worst part of each network, and the interval of the student's less the teacher's."""
    known = [part for part in parts if all(value is not None for value in part.values.values())]
    if len(known) < 2:
        return dict.fromkeys(parts[0].values), None
    values = {name: [part.values[name] for part in known] for name in known[0].values}
    spreads: Parts = {
        name: float(_ranges(torch.tensor([found], dtype=torch.float64))) for name, found in values.items()
    }
    if TEACHER not in values:
        return spreads, None
    drawn = {name: _ranges(torch.stack([part.drawn[name] for part in known], 1)) for name in (STUDENT, TEACHER)}
    own, others = spreads[STUDENT], spreads[TEACHER]
    assert own is not None
    assert others is not None
    return spreads, around(own - others, drawn[STUDENT] - drawn[TEACHER])


def _ranges(values: Tensor) -> Tensor:
    """Largest less smallest number of each row [R, K]: [R]."""
    missing, end = values.isnan(), torch.inf
    return values.masked_fill(missing, -end).amax(1) - values.masked_fill(missing, end).amin(1)


def _outcome(interval: Interval | None, teacher: float | None) -> Outcome:
    """Ours: a spread is inherited where it is not shown to differ from the teacher's, and can differ by less than it.

    Then the student's parts are apart in any case, and not twice as far as the teacher's.
    """
    if interval is None or teacher is None:
        return "unclear"
    low, high = interval
    if low > 0 or high < 0:
        return "amplifies" if low > 0 else "reduces"
    return "inherits" if max(-low, high) < teacher else "unclear"
