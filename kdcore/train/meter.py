"""How fast a run goes and what memory it holds: read off clock and machine, and never computed with."""

from __future__ import annotations

import time

import torch

from kdcore.measure.memory import resident_bytes

SPLIT = "machine"
"""Where the readings stand among a run's metrics: beside the splits, because no examples of one are measured."""


class Meter:
    """Counts examples between two readings; no part of it belongs into a checkpoint.

    Args:
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self.begin()

    def begin(self) -> None:
        """Count anew from here: what was done since the last reading is left out."""
        self._examples, self._since = 0, time.monotonic()

    def add(self, examples: int) -> None:
        """Count a step's examples."""
        self._examples += examples

    def read(self) -> dict[str, float]:
        """Examples a second since the last reading, and the bytes held now; the next count begins here."""
        seconds = max(time.monotonic() - self._since, 1e-9)
        readings = {"examples_per_second": self._examples / seconds, "memory_bytes": float(resident_bytes())}
        if self._device == "cuda":
            readings["device_memory_bytes"] = float(torch.cuda.memory_reserved())
        self.begin()
        return readings
