"""Child processes of a local service: started in groups of their own, logged, stopped kindly and then firmly."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

BACKOFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
HEALTHY_SECONDS = 60.0
LOG_BYTES = 20_000_000


@dataclass
class Child:
    """`python -m MODULE`, its log file, and how often it had to be started again lately."""

    module: str
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    falls: int = 0
    due: float | None = field(default=None, repr=False)

    def start(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        launcher = str(Path(__file__).with_name("child.py"))
        # -P: a folder called `api` where the user stands must not be taken for ours.
        command = [sys.executable, "-P", launcher, str(os.getpid()), *python_module(self.module)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own modules
                command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started, self.due = time.monotonic(), None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self.process.returncode if self.process else None
        if code is not None and code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def restart_when_due(self) -> str | None:
        """Start it again after a pause that grows while it keeps falling; the sentence to log, if any."""
        now = time.monotonic()
        if self.alive:
            return None
        if self.due is None:
            self.falls = 1 if now - self.started > HEALTHY_SECONDS else self.falls + 1
            pause = BACKOFF[min(self.falls, len(BACKOFF)) - 1]
            self.due = now + pause
            return f"{self.module} {self.ending}; starting it again in {pause:g} s (log: {self.log})"
        if now >= self.due:
            self.start()
        return None

    def stop(self, grace: float) -> None:
        """SIGTERM, time to finish, then SIGKILL."""
        if self.process is None or not self.alive:
            return
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(grace)
        self.kill()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def last_lines(self, count: int = 15) -> str:
        try:
            with self.log.open(encoding="utf-8", errors="replace") as file:
                return "".join(deque(file, maxlen=count)).rstrip()
        except OSError:
            return ""


def python_module(module: str, *arguments: str) -> list[str]:
    """The command line that runs one of our modules with this interpreter."""
    return [sys.executable, "-P", "-m", module, *arguments]
