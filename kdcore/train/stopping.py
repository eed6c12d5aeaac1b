"""When a stage ends early: its validation has not become better for a while."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kdcore.spec.training import EarlyStopping


@dataclass
class Stopping:
    """Says after a validation whether the stage should end; one for each stage.

    Attributes:
        options: patience and what counts as better.
        best: the best score so far that was better than the best before it by more than ``min_delta``.
        best_epoch: finished epochs of the stage at that score.
    """

    options: EarlyStopping
    best: float | None = None
    best_epoch: int = 0

    def look(self, score: float, epoch: int) -> dict[str, Any] | None:
        """Why the stage should end now, as facts for a finding; None while it should go on.

        Args:
            score: of this validation, higher is better; one that is not finite is not better than any.
            epoch: finished epochs of the stage.
        """
        if math.isfinite(score) and (self.best is None or score > self.best + self.options.min_delta):
            self.best, self.best_epoch = score, epoch
        if epoch - self.best_epoch < self.options.patience:
            return None
        return {"epoch": epoch, "best": self.best, "best_epoch": self.best_epoch, **self.options.model_dump()}

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
