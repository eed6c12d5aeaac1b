"""What a ring does inside the worker: wake every slot that waits for work."""

from __future__ import annotations

import threading


class Bell:
    """Counts rings, so that one that comes between two waits is not missed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        return self._rings

    def ring(self) -> None:
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Return when there were more rings than `heard`, or after `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self._rings > heard, seconds)
