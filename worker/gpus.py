"""What the machine's GPUs hold, asked of the driver's own program: CUDA would stay open in this process."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import Any

_ANSWER_SECONDS = 10.0
_MEMORY = ("nvidia-smi", "--query-gpu=name,memory.used,memory.total", "--format=csv,noheader,nounits")


def said(command: Sequence[str]) -> list[str]:
    """The lines that the driver's program answers; none where it is missing or fails."""
    program = shutil.which(command[0])
    if program is None:
        return []
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [program, *command[1:]], capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.splitlines()


class GpuMemory(threading.Thread):
    """Asks in a thread of its own, because the driver may take seconds; ends where nobody answers any more."""

    def __init__(self, every_seconds: float, command: Sequence[str] = _MEMORY) -> None:
        super().__init__(name="gpu-memory", daemon=True)
        self._every_seconds, self._command = every_seconds, command
        self.known: list[dict[str, Any]] = []

    def run(self) -> None:
        while (lines := said(self._command)) or self.known:
            self.known = [_gpu(*line.rsplit(",", 2)) for line in lines]
            time.sleep(self._every_seconds)


def _gpu(model: str, used: str, total: str) -> dict[str, Any]:
    return {"model": model.strip(), "used": _bytes(used), "total": _bytes(total)}


def _bytes(mebibytes: str) -> int | None:
    """None for GPUs that share the machine's memory, of which the driver says ``[N/A]``."""
    number = mebibytes.strip()
    return int(number) * 1024**2 if number.isdecimal() else None
