"""The two pipes between engine and supervisor: records out, orders in, one JSON document a line."""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from kdcore.host.guard import PARENT_GONE, Deadline


class Records:
    """Writes records to the inherited pipe, each as one whole line, from whichever thread."""

    def __init__(self, descriptor: int) -> None:
        # Processes that the engine starts must not hold the pipe open after its death.
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def write(self, record: Mapping[str, Any]) -> None:
        line = memoryview(json.dumps(record, separators=(",", ":")).encode() + b"\n")
        with self._lock:
            while line:
                try:
                    line = line[os.write(self._descriptor, line) :]
                except BrokenPipeError:
                    os._exit(PARENT_GONE)


class Stop:
    """Whether the engine was asked to stop, and why; what the engine polls at every step."""

    def __init__(self) -> None:
        self.reason = "stop"
        self._asked = False

    def ask(self) -> None:
        self._asked = True

    def __call__(self) -> str | None:
        return self.reason if self._asked else None


@dataclass(frozen=True)
class Job:
    """One job as it came down the pipe.

    Attributes:
        kept: folder of outputs that the project's jobs share; the job's own when there is none.
        project: whose job it is.
    """

    plan: dict[str, Any]
    workdir: Path
    kept: Path | None = None
    project: str = "local"


class Orders:
    """Reads stdin in a thread of its own: the job, the lease's renewals, the reason of a stop; its end is our end."""

    def __init__(self, stream: BinaryIO, deadline: Deadline, stop: Stop) -> None:
        self._stream, self._deadline, self._stop = stream, deadline, stop
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="orders", daemon=True).start()

    def job(self) -> Job | None:
        """Wait for the job; None when the wait was given up."""
        return self._jobs.get()

    def give_up(self) -> None:
        """End the wait for a job; may be called in a signal handler."""
        self._jobs.put(None)

    def _read(self) -> None:
        for line in self._stream:
            self._obey(json.loads(line))
        os._exit(PARENT_GONE)

    def _obey(self, order: dict[str, Any]) -> None:
        if "deadline" in order:
            self._deadline.move(float(order["deadline"]))
        if order["type"] == "job":
            kept = None if order.get("kept") is None else Path(order["kept"])
            self._jobs.put(Job(order["plan"], Path(order["workdir"]), kept, order.get("project", "local")))
        elif order["type"] == "stop":
            self._stop.reason = str(order["reason"])
