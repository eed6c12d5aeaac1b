"""Running means of losses between two records, kept on the device so that a step need not wait for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from kdcore.errors import EngineError


class Sums:
    """Sums of named scalars and how many of each were added; a step may have others than the step before."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add one step's values."""
        for name, value in values.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value.double()
            self._counts[name] = self._counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """The means since the last call, which start anew."""
        means = {name: float(total) / self._counts[name] for name, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        return means

    def check_finite(self, where: str) -> None:
        """Stop a run whose loss is no number any more.

        Raises:
            EngineError: ``non_finite_loss``, naming the terms.
        """
        broken = [name for name, total in self._sums.items() if not math.isfinite(float(total))]
        if broken:
            message = (
                f"{', '.join(broken)} became NaN or infinite {where}: lower the learning rate or the term's weight; "
                "the last good checkpoint is kept"
            )
            raise EngineError("non_finite_loss", message, "/training/optimizer/lr")

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"sums": {name: total.cpu() for name, total in self._sums.items()}, "counts": dict(self._counts)}

    def restore(self, state: dict[str, Any], device: str) -> None:
        """Go on from a checkpoint."""
        self._sums = {name: torch.as_tensor(total, device=device) for name, total in state["sums"].items()}
        self._counts = dict(state["counts"])
