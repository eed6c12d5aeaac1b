"""What a process of a job does first when it was started beside others: it ties its life to who started it."""

from __future__ import annotations

import os
import sys
import threading
from io import FileIO
from typing import NoReturn

from kdcore.host.guard import PARENT_GONE, harden

PARENT = "KDCORE_PARENT"
"""Names the process id of who started this process."""


class Asked:
    """Whether who started this process wants it to stop, and why; what a run polls at every step.

    Args:
        stream: a reason a line; its end means that the parent is gone, and ends this process at once. It has no
            buffer, whose lock a waiting thread would keep from the interpreter when it ends.
    """

    def __init__(self, stream: FileIO) -> None:
        self._reason: str | None = None
        self._stream = stream
        threading.Thread(target=self._read, name="asked", daemon=True).start()

    def __call__(self) -> str | None:
        return self._reason

    def _read(self) -> None:
        for line in self._stream:
            self._reason = self._reason or line.decode().strip()
        os._exit(PARENT_GONE)


def begin() -> Asked:
    """Tie this process to its parent by the kernel's means and by the end of its standard input."""
    parent = os.environ.get(PARENT)
    harden(None if parent is None else int(parent))
    return Asked(FileIO(sys.stdin.fileno(), closefd=False))


def leave(code: int) -> NoReturn:
    """End this process without the interpreter's own end, which threads of libraries may not survive."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
