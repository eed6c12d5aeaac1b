"""What keeps an engine from outliving its supervisor or its lease: the kernel's own means, then Python's."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
import time

PARENT_GONE = 71
LEASE_OVER = 72

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_ALARM_AFTER_SECONDS = 0.5
_TICK_SECONDS = 0.25


def harden(parent: int | None = None) -> None:
    """Tie this process to its parent, hide its memory from others, and offer it first to the out-of-memory killer.

    `parent` is the process id that started us: when it is gone already, the death signal can no longer come.
    """
    if os.getsid(0) != os.getpid():
        with contextlib.suppress(PermissionError):
            os.setsid()
    if parent is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(PARENT_GONE)
    _prctl(_PR_SET_DUMPABLE, 0)
    _prefer_as_victim()


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed: the engine needs Linux")


def _prefer_as_victim() -> None:
    # The worker must survive its engine's appetite: it has other jobs and must tell what happened.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")


class Deadline:
    """The moment (CLOCK_MONOTONIC, one clock for all processes of a machine) after which this engine may not live.

    A thread ends the process with a line in the log. Half a second later the kernel's timer ends it, also when
    no Python thread could run: a call that holds the interpreter, or a process that thaws after its lease.
    """

    def __init__(self) -> None:
        self._until: float | None = None
        threading.Thread(target=self._watch, name="deadline", daemon=True).start()

    def move(self, until: float) -> None:
        """Live until then, and no longer."""
        self._until = until
        signal.setitimer(signal.ITIMER_REAL, max(until - time.monotonic() + _ALARM_AFTER_SECONDS, 0.001))

    def _watch(self) -> None:
        while True:
            until = self._until
            if until is not None and time.monotonic() >= until:
                os.write(2, b"the lease was not renewed in time: the engine ends here\n")
                os._exit(LEASE_OVER)
            time.sleep(_TICK_SECONDS)
