"""What a run says about itself while it works: progress twice a second, metrics at fixed steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

Record = dict[str, Any]
Report = Callable[[Record], None]

INTERVAL = 0.5
"""Seconds between two progress records."""


class Progress:
    """Progress of a whole job in optimiser steps.

    Args:
        report: takes records.
        total_steps: of all runs.
        done_steps: before this process began.
    """

    def __init__(self, report: Report, total_steps: int, done_steps: int = 0) -> None:
        self.report, self.total = report, total_steps
        self._began, self._first, self._last = time.monotonic(), done_steps, 0.0

    def step(self, step: int, *, phase: str, run: str, stage: str, epoch: int, epochs: int) -> None:
        """Say that the job has done ``step`` steps, unless that was said less than half a second ago."""
        now = time.monotonic()
        if now - self._last < INTERVAL and step < self.total:
            return
        self._last = now
        self.report(
            {
                "type": "progress",
                "phase": phase,
                "run": run,
                "stage": stage,
                "epoch": epoch,
                "epochs": epochs,
                "step": step,
                "total_steps": self.total,
                "percent": round(100 * step / self.total, 1),
                "eta_seconds": self._eta(now, step),
            }
        )

    def _eta(self, now: float, step: int) -> float | None:
        """Seconds left at the mean rate of this process; None until a rate is known."""
        done = step - self._first
        if done < 10:
            return None
        return round((now - self._began) / done * (self.total - step), 1)
