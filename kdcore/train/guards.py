"""Guards over a run: one sees a balance that has given everything to one group, one a loss that leaps."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class SaturationAlarm:
    """Says once for each group when its share of a learned balance has stayed above ``threshold`` for ``steps`` steps.

    A saturated balance trains on one group alone; a share that comes down again arms the alarm anew.

    Attributes:
        threshold: share from 0 to 1.
        steps: looks in a row.
    """

    threshold: float = 0.98
    steps: int = 100
    _above: dict[str, int] = field(default_factory=dict)

    def look(self, shares: Mapping[str, float]) -> str | None:
        """The group that has just saturated, if any.

        Args:
            shares: of this step, by group, summing to one; a single group is no balance and is passed over.
        """
        if len(shares) < 2:
            return None
        for group, share in shares.items():
            self._above[group] = self._above.get(group, 0) + 1 if share > self.threshold else 0
        return next((group for group in shares if self._above[group] == self.steps), None)

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"above": dict(self._above)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._above = dict(state["above"])


@dataclass
class SpikeGuard:
    """Says when a loss leaps above ``factor`` times its running median, or is not finite.

    A spike does not enter the median. A loss below zero leaps by as much of its size as one above zero; leaps smaller
    than ``margin`` do not count, so that a loss near zero may flicker.

    Attributes:
        factor: above 1.
        window: finite losses that the median is taken over; it is trusted from half as many on.
        margin: smallest leap above the median.
    """

    factor: float = 5.0
    window: int = 50
    margin: float = 0.1
    _recent: deque[float] = field(init=False)

    def __post_init__(self) -> None:
        if self.factor <= 1 or self.window < 2:
            raise ValueError(f"a factor above 1 and a window of at least 2 (got {self.factor} and {self.window})")
        self._recent = deque(maxlen=self.window)

    def look(self, loss: float) -> str | None:
        """What is wrong with this step's loss, if anything."""
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if 2 * len(self._recent) >= self.window:
            median = statistics.median(self._recent)
            limit = median + max((self.factor - 1) * abs(median), self.margin)
            if loss > limit:
                return f"the loss leapt to {loss:.6g}, from a median of {median:.6g} over {len(self._recent)} steps"
        self._recent.append(loss)
        return None

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"recent": list(self._recent)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._recent = deque(state["recent"], maxlen=self.window)
