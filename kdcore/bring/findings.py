"""What reading a dataset found: faults by item, counted all and listed up to a limit; warnings; figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from kdcore.errors import EngineError


@dataclass
class Findings:
    """The faults and warnings of one dataset, as they are met.

    Attributes:
        quarantine: whether faulty items are left out; else ``settle`` refuses the dataset.
        listed: faults that are spelt out.
    """

    quarantine: bool = False
    listed: int = 200
    faults: list[dict[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    warnings: list[dict[str, Any]] = field(default_factory=list)

    def fault(self, item: str, code: str, message: str) -> None:
        """An item that cannot be used: its name in the user's files, what is wrong, and the remedy."""
        self.counts[code] += 1
        if len(self.faults) < self.listed:
            self.faults.append({"item": item, "code": code, "message": message})

    def warn(self, code: str, message: str, **facts: Any) -> None:
        """Something legal that its user probably does not want."""
        self.warnings.append({"code": code, "message": message, **facts})

    def settle(self, usable: int) -> None:
        """Once everything was looked at: refuse the dataset, or go on without its faulty items.

        Raises:
            EngineError: ``invalid_data``; the message names the first fault, ``faults`` has them.
        """
        total = sum(self.counts.values())
        if total and not self.quarantine:
            first = self.faults[0]
            more = f", and {total - 1} more" if total > 1 else ""
            message = (
                f"{first['item']}: {first['message']}{more}: mend the items, or bring the dataset with quarantine: true"
            )
            raise EngineError("invalid_data", message, "/source")
        if not usable:
            why = f": {self.faults[0]['item']}: {self.faults[0]['message']}" if self.faults else ""
            raise EngineError("invalid_data", f"nothing usable is left of the dataset{why}", "/source")

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "faults": {"total": sum(self.counts.values()), "by_code": dict(self.counts), "listed": self.faults},
            "quarantined": self.quarantine and bool(self.counts),
            "warnings": self.warnings,
        }
