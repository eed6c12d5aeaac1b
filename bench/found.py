"""What one group of contenders gave: times, aims, notes; as a table and as JSON.

Not a command.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from timing import Aim, Times, ratio, table

REFERENCES = ("torchdistill", "bare", "fixed", "hinton", "twin", "RepDistiller")
"""Contenders that others are compared with, where they are there."""


@dataclass
class Found:
    """What one group of contenders gave.

    Attributes:
        notes: what else is to be said.
        flops: floating-point operations of one step, by contender.
    """

    name: str
    times: Times
    aims: list[Aim] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    flops: dict[str, int] = field(default_factory=dict)

    def references(self) -> list[str]:
        """Those that the others are compared with."""
        return [name for name in REFERENCES if name in self.times]

    def speed_up(self, reference: str, contender: str) -> Any:
        """None where one of them is missing."""
        if reference not in self.times or contender not in self.times:
            return None
        return ratio(self.times[reference], self.times[contender])

    def aim(self, reference: str, contender: str, least: float) -> None:
        """That ``contender`` is so many times as fast."""
        found = self.speed_up(reference, contender)
        if found is not None:
            self.aims.append(Aim.of(f"{self.name}: {reference} / {contender}", found, "at least", least))

    def cost(self, contender: str, reference: str, most: float) -> None:
        """That ``contender`` takes at most so many times the time."""
        found = ratio(self.times[contender], self.times[reference])
        self.aims.append(Aim.of(f"{self.name}: {contender} / {reference}", found, "at most", most))


def shown(found: Found, batch: int, rates: dict[str, float]) -> str:
    """A group as a table."""
    against = found.references()
    head = ["contender", "ms", "quartiles", "pictures/s", "of matmul", *(f"{name} / it" for name in against)]
    rows = []
    for name, times in found.times.items():
        low, middle, high = (1e3 * float(q) for q in torch.tensor(times).quantile(torch.tensor([0.25, 0.5, 0.75])))
        flops = found.flops.get(name)
        share = "" if flops is None else f"{flops / (middle / 1e3) / rates[_rate(found, name)]:.2f}"
        ratios = [str(found.speed_up(one, name)) for one in against]
        speed = f"{batch / (middle / 1e3):.0f}"
        rows.append([name, f"{middle:.1f}", f"{low:.1f} to {high:.1f}", speed, share, *ratios])
    notes = "\n".join(f"{name}: {json.dumps(value)}" for name, value in found.notes.items())
    return "\n".join([f"\n## {found.name}\n", table(head, rows), "", notes]).rstrip()


def _rate(found: Found, name: str) -> str:
    """The number type whose matrix rate counts for a contender."""
    return str(found.notes["auto"]["precision"]) if "auto" in name else "float32"


def document(found: Found) -> dict[str, Any]:
    """A group, JSON-ready."""
    ratios = {
        f"{reference} / {name}": asdict(found.speed_up(reference, name))
        for reference in found.references()
        for name in found.times
        if name != reference
    }
    rows = {"name": found.name, "ratios": ratios, "aims": [aim.row() for aim in found.aims]}
    return {**rows, "notes": found.notes, "flops a step": found.flops, "seconds": found.times}
