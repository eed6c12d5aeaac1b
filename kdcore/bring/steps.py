"""What an inspection says about itself while it works, and how it is asked to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from kdcore.errors import Stopped

Record = dict[str, Any]
Report = Callable[[Record], None]
Stop = Callable[[], str | None]

INTERVAL: Final = 0.5
"""Seconds between two progress records."""

SPANS: Final = {"unpack": (0, 20), "scan": (20, 30), "read": (30, 70), "make": (70, 85), "check": (85, 100)}
"""The part of the whole, in percent, that each phase is taken for."""


def silent(record: Record) -> None:
    """Report nothing."""


def never() -> None:
    """Nobody asks to stop."""


class Steps:
    """The phases of one inspection, in their order; a phase may be begun again, or left out.

    Args:
        report: takes records of type ``phase`` and ``progress``.
        stop: says why to stop, or None.
    """

    def __init__(self, report: Report = silent, stop: Stop = never) -> None:
        self.report, self.stop = report, stop
        self._began = time.monotonic()
        self._phase, self._total, self._done, self._last = "unpack", 1, 0, 0.0

    def begin(self, phase: str, total: int) -> None:
        """Begin a phase of ``total`` steps, of whatever kind.

        Raises:
            Stopped: when somebody asked for it.
        """
        if phase != self._phase or not self._last:
            self.report({"type": "phase", "phase": phase, "run": None})
        self._phase, self._total, self._done = phase, max(total, 1), 0
        self.advance(0)

    def advance(self, count: int = 1) -> None:
        """``count`` steps more are done; looks up twice a second.

        Raises:
            Stopped: when somebody asked for it.
        """
        self._done += count
        now = time.monotonic()
        if now - self._last < INTERVAL and self._done < self._total:
            return
        self._last = now
        if reason := self.stop():
            raise Stopped(reason)
        self.report(self._record(now))

    def finish(self) -> None:
        """What is left of the phase was not needed.

        Raises:
            Stopped: when somebody asked for it.
        """
        self.advance(max(self._total - self._done, 0))

    def _record(self, now: float) -> Record:
        first, last = SPANS[self._phase]
        percent = first + (last - first) * min(self._done / self._total, 1)
        return {
            "type": "progress",
            "phase": self._phase,
            "run": self._phase,
            "stage": "",
            "epoch": 0,
            "epochs": 0,
            "step": self._done,
            "total_steps": self._total,
            "percent": round(percent, 1),
            "eta_seconds": round((now - self._began) * (100 / percent - 1), 1) if percent > 1 else None,
        }
