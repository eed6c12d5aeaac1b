"""What training runs cost, kept over interruptions: seconds of the devices, and their energy where it is metered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from kdcore.measure.documents import Cost, RunCost
from kdcore.measure.energy import EnergyMeter, energy_meter

Clock = Callable[[], float]


@dataclass
class Spent:
    """What one run has cost so far; ``joules`` is None where a part of it ran without a meter."""

    seconds: float = 0.0
    joules: float | None = 0.0
    source: str | None = None


@dataclass
class Spending:
    """The account of a job's runs.

    Attributes:
        processes: that work at once, each on a device of its own.
        meter: of their energy; None where there is none.
        runs: by name.
        clock: seconds from whatever point on.
    """

    processes: int = 1
    meter: EnergyMeter | None = None
    runs: dict[str, Spent] = field(default_factory=dict)
    clock: Clock = time.monotonic
    _at: tuple[str, float, float] | None = None

    @contextmanager
    def of(self, run: str) -> Iterator[None]:
        """What happens inside is put down to ``run``."""
        self._at = run, self.clock(), self._joules()
        try:
            yield
        finally:
            self.note()
            self._at = None

    def note(self) -> None:
        """Bring the account of the run that is going on up to now."""
        if self._at is None:
            return
        run, began, joules = self._at
        self._at = run, self.clock(), self._joules()
        spent = self.runs.setdefault(run, Spent())
        spent.seconds += (self._at[1] - began) * self.processes
        if self.meter is None or spent.joules is None:
            spent.joules = None
        else:
            spent.joules, spent.source = spent.joules + self._at[2] - joules, self.meter.source

    def _joules(self) -> float:
        return 0.0 if self.meter is None else self.meter.joules()

    def state(self) -> dict[str, Any]:
        """The account as of now, JSON-ready."""
        self.note()
        return {name: dict(vars(spent)) for name, spent in self.runs.items()}

    def restore(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on from an earlier attempt's account."""
        self.runs = {name: Spent(**spent) for name, spent in state.items()}

    def cost(self, device: str) -> Cost:
        """The document."""
        runs = [RunCost(run=name, seconds=round(spent.seconds, 3)) for name, spent in self.runs.items()]
        joules = [spent.joules for spent in self.runs.values() if spent.joules is not None]
        whole = bool(joules) and len(joules) == len(self.runs)
        sources = sorted({spent.source for spent in self.runs.values() if spent.source is not None})
        return Cost(
            device=device,
            device_seconds=round(sum(spent.seconds for spent in self.runs.values()), 3),
            runs=runs,
            energy_joules=round(sum(joules), 1) if whole else None,
            energy_source="+".join(sources) if whole else None,
        )


def spending(device: str, processes: int) -> Spending:
    """The account of a job whose ``processes`` work on ``device`` (``cpu`` or ``cuda``)."""
    gpus = min(processes, torch.cuda.device_count()) if device == "cuda" else 0
    uuids = tuple(f"GPU-{torch.cuda.get_device_properties(number).uuid}" for number in range(gpus))
    shared = 1 if device == "cpu" else processes  # processes on a CPU share one device
    return Spending(shared, energy_meter(device, uuids))
