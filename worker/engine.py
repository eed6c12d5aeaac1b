"""The handle of one engine process: spawn it, give it orders, read its records, end its whole process group."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

_log = structlog.get_logger(__name__)

DONE, FAILED, SUPERVISOR_GONE, LEASE_OVER, STOPPED = 0, 70, 71, 72, 75
_PIPE_BYTES = 1 << 20
_READS_AT_ONCE = 16
TIME = "time"
_STOP_RANK = {None: 0, "drain": 1, "pause": 2, TIME: 3, "cancel": 4}

Record = dict[str, Any]


@dataclass(frozen=True)
class Exit:
    """How an engine ended: its exit code, or the signal that ended it and whether that was ours."""

    code: int | None
    signal: int | None = None
    killed_by_us: bool = False

    @property
    def lease_over(self) -> bool:
        return self.code == LEASE_OVER or self.signal == signal.SIGALRM

    @property
    def signal_name(self) -> str | None:
        return None if self.signal is None else signal.Signals(self.signal).name

    def __str__(self) -> str:
        return self.signal_name or f"exit code {self.code}"


class Engine:
    """One `python -m kdcore.host`. One thread reads and closes it; orders and signals come from any thread."""

    def __init__(self, process: subprocess.Popen[bytes], orders: int, records: int, log_path: Path) -> None:
        self._process, self._orders, self._records, self.log_path = process, orders, records, log_path
        self._pidfd = os.pidfd_open(process.pid)
        self._poll = select.poll()
        for descriptor in (records, self._pidfd):
            self._poll.register(descriptor, select.POLLIN)
        for descriptor in (orders, records):
            os.set_blocking(descriptor, False)
        self._partial = b""
        self._writing, self._signalling = threading.Lock(), threading.Lock()
        self._reaped = self._killed = self._silent = False
        self._kill_at: float | None = None
        self.stop_reason: str | None = None
        self.ended = False

    @classmethod
    def spawn(cls, log_path: Path, environment: Mapping[str, str]) -> Engine:
        """Start an engine in a session of its own. It dies with the thread that calls this."""
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            (stdin, orders), (records, written) = os.pipe(), os.pipe()
            for stack, descriptor in ((theirs, stdin), (ours, orders), (ours, records), (theirs, written)):
                stack.callback(os.close, descriptor)
            # Room for the records of many seconds: a slow write to the database must not hold up training.
            with contextlib.suppress(OSError):
                fcntl.fcntl(records, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            output = theirs.enter_context(log_path.open("ab"))
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                _command(written), stdin=stdin, stdout=output, stderr=output, pass_fds=(written,),
                start_new_session=True, env=dict(environment), cwd=log_path.parent,
            )  # fmt: skip
            ours.pop_all()
        return cls(process, orders, records, log_path)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def closed(self) -> bool:
        """Whether the process is reaped."""
        return self._reaped

    def move_log(self, path: Path) -> None:
        """Give the log its place beside the job; the process goes on writing to the same file."""
        self.log_path.rename(path)
        self.log_path = path

    def order(self, kind: str, *, patience: float = 0.2, **values: Any) -> bool:
        """Send one order; False when the engine is gone or has not taken it within `patience` seconds."""
        line = memoryview(json.dumps({"type": kind, **values}).encode() + b"\n")
        give_up = time.monotonic() + patience
        with self._writing:
            while line and not self._reaped:
                try:
                    line = line[os.write(self._orders, line) :]
                except BlockingIOError:
                    if time.monotonic() > give_up:
                        return False
                    time.sleep(0.01)
                except BrokenPipeError:
                    return False
        return not line

    def stop(self, reason: str, grace_seconds: float) -> None:
        """Ask the engine to write a checkpoint and leave; `enforce` kills it when the grace is over."""
        if _STOP_RANK[reason] <= _STOP_RANK[self.stop_reason]:
            return
        self.stop_reason = reason
        until = time.monotonic() + grace_seconds
        self._kill_at = until if self._kill_at is None else min(self._kill_at, until)
        self.order("stop", reason=reason)
        self._signal(signal.SIGTERM, group=False)

    def enforce(self) -> None:
        """Kill the engine if it was asked to stop and its grace is over."""
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self.kill()

    def kill(self) -> None:
        """End the whole process group at once."""
        self._killed = self._signal(signal.SIGKILL, group=True) or self._killed

    def dump_stacks(self) -> None:
        """Have every thread's stack written into the engine's log."""
        self._signal(signal.SIGUSR1, group=False)

    def _signal(self, number: signal.Signals, *, group: bool) -> bool:
        # Not after the process is reaped: its number may belong to a stranger by then.
        with self._signalling:
            if self._reaped:
                return False
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(self.pid, number)
            return True

    def read(self, timeout: float) -> list[Record]:
        """Wait up to `timeout` seconds for records; `ended` is set once the process is dead and all are read."""
        dead = self._pidfd in {descriptor for descriptor, _ in self._poll.poll(timeout * 1000)}
        records = list(self._drain(everything=dead))
        self.ended = self.ended or dead
        return records

    def _drain(self, *, everything: bool) -> Iterator[Record]:
        chunks = 0
        while (everything or chunks < _READS_AT_ONCE) and (chunk := self._chunk()):
            chunks += 1
            *lines, self._partial = (self._partial + chunk).split(b"\n")
            yield from filter(None, map(_parse, lines))

    def _chunk(self) -> bytes:
        try:
            chunk = os.read(self._records, _PIPE_BYTES)
        except BlockingIOError:
            return b""
        if not chunk and not self._silent:
            # End of file would be ready for ever: from here on only the process's death is waited for.
            self._silent = True
            self._poll.unregister(self._records)
        return chunk

    def close(self) -> Exit:
        """Kill what is left of the group, reap the process and close its pipes."""
        killed = self._killed or not self.ended
        # While it is not reaped the process keeps its number, so the group is certainly still ours.
        self.kill()
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._signalling, self._writing:
            code = self._process.wait()
            self._reaped = self.ended = True
        for descriptor in (self._orders, self._records, self._pidfd):
            os.close(descriptor)
        return Exit(None, -code, killed) if code < 0 else Exit(code)


def _command(records: int) -> list[str]:
    host = [sys.executable, "-P", "-m", "kdcore.host"]
    return [*host, "--records-fd", str(records), "--parent", str(os.getpid())]


def _parse(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if isinstance(record, dict) and "type" in record:
        return record
    _log.warning("no_record", line=line[:200])
    return None
