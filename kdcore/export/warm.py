"""A process that has imported torch, and forks for every file that is to be read by a process of its own.

To import torch takes longer than most files take to be checked. What is forked has never seen the student: the server
is started fresh, holds nothing but torch, and every file gets a copy of it that dies with its answer.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from kdcore.export import check

START_SECONDS = 120
"""To import torch on a machine that is busy and slow."""


@dataclass(frozen=True)
class Ended:
    """How a check ended.

    Attributes:
        code: exit status; less than 0 where a signal ended it.
        stderr: what it said.
        late: it did not end in time.
    """

    code: int
    stderr: str = ""
    late: bool = False


class Warm:
    """The server, started when it is first asked; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def run(self, arguments: Sequence[str], timeout: float) -> Ended:
        """``kdcore.export.check`` with these arguments, in a process of its own; it has ``timeout`` seconds."""
        with self._lock:
            return self._asked([*arguments], timeout)

    def _asked(self, arguments: list[str], timeout: float) -> Ended:
        process = self._started()
        # The fork ends itself in time; this is for a server that cannot even fork it.
        guard = threading.Timer(timeout + START_SECONDS, process.kill)
        guard.start()
        try:
            reply = _reply(process, {"arguments": arguments, "timeout": timeout})
        except BaseException:
            # An answer that nobody waited for would be taken for the next file's.
            process.kill()
            process.wait()
            raise
        finally:
            guard.cancel()
        return Ended(**json.loads(reply)) if reply else Ended(process.wait(), "the process that checks files ended")

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            # Its stdin is a pipe of ours, so it ends when we do, however we end.
            command = [sys.executable, "-m", "kdcore.export.warm"]
            self._process = subprocess.Popen(  # noqa: S603 - our own module, and no shell
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        return self._process


def _reply(process: subprocess.Popen[str], request: dict[str, object]) -> str:
    """The line that the server answers with; nothing when it has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        return ""
    return process.stdout.readline()


SERVER = Warm()
"""Of this process; one is enough, because files are checked one after the other."""


def serve() -> None:
    """Answer requests, one a line, until there are no more."""
    # Whoever started us is asked to stop, too, and ends us with our stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What most checks need; and nothing of ours, which some of them must do without.
    import_module("torch.export")
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        replies.write(json.dumps(_forked(request["arguments"], request["timeout"])) + "\n")
        replies.flush()


def _forked(arguments: list[str], timeout: float) -> dict[str, int | str | bool]:
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            _be_checked(arguments, timeout, said.fileno())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        text = said.read().decode(errors="replace")
    return {"code": code, "stderr": text, "late": code == -signal.SIGALRM}


def _be_checked(arguments: list[str], timeout: float, stderr: int) -> None:
    """The life of a fork; it never returns."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(stderr, 2)
        signal.setitimer(signal.ITIMER_REAL, timeout)  # ends the process, whatever it does
        code = check.main(arguments)
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve()
