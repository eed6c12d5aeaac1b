"""Throwaway servers of the tests' own, on free ports, which end with the tests: Postgres, Redis and S3."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

START_SECONDS = 60
_PR_SET_PDEATHSIG = 1


class Missing(Exception):
    """A program is not installed; the message names the package that has it."""


def unavailable(reason: str) -> NoReturn:
    """Skips the test, except in CI, where everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ready: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Looks again and again until ``ready``."""
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} was not ready after {seconds:g} s")
        time.sleep(0.02)


def answers(port: int) -> bool:
    """Whether something listens on the port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Server:
    """A process that listens on a port of this machine, in a folder of its own; it dies with its parent."""

    stop_signal = signal.SIGTERM
    user: str | None = None

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"distillery-{type(self).__name__.lower()}-"))
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """What to execute."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """The environment of the process."""
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}

    def ready(self) -> bool:
        """Whether it serves."""
        return answers(self.port)

    def start(self) -> None:
        """Starts it and waits until it serves."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.environment()),
                cwd=self.folder,
                preexec_fn=self._prepare(),
            )
        wait_until(self._up, f"{type(self).__name__} on port {self.port}")

    def stop(self) -> None:
        """Ends it in good order."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stops and starts it, on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stops it and removes its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, number: int) -> None:
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            log = (self.folder / "log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{type(self).__name__} ended with {self.process.returncode}: {log}")
        return self.ready()

    def _prepare(self) -> Callable[[], None]:
        account = pwd.getpwnam(self.user) if self.user else None
        library = ctypes.CDLL(None)

        def prepare() -> None:
            os.setpgid(0, 0)  # Ctrl-C is for the tests; they stop their servers themselves
            if account is not None:
                os.setgroups([])
                os.setgid(account.pw_gid)
                os.setuid(account.pw_uid)
            library.prctl(_PR_SET_PDEATHSIG, int(self.stop_signal))

        return prepare


class Postgres(Server):
    """A cluster of its own. ``url(name)`` addresses a database in it."""

    stop_signal = signal.SIGINT  # "fast shutdown"

    def __init__(self, *settings: str) -> None:
        self.binaries = _postgres_binaries()
        self.user = _unprivileged() if os.getuid() == 0 else None
        self.settings = settings
        super().__init__()
        self._initialise()

    def url(self, database: str = "postgres") -> str:
        """The address of a database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str]:
        """Postgres in the foreground, without the durability that only a power cut would need."""
        options = ["listen_addresses=127.0.0.1", f"port={self.port}", f"unix_socket_directories={self.folder}"]
        options += [
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "max_connections=100",
            *self.settings,
        ]
        return [f"{self.binaries}/postgres", "-D", f"{self.folder}/data", *(f"-c{option}" for option in options)]

    def ready(self) -> bool:
        """Whether it accepts a session."""
        import psycopg

        try:
            with psycopg.connect(self.url().replace("+psycopg", ""), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Runs an administrative statement."""
        import psycopg

        with psycopg.connect(self.url(database).replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement.encode())

    def disconnect(self, database: str) -> None:
        """Ends every session of a database."""
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")

    def _initialise(self) -> None:
        if self.user is not None:
            shutil.chown(self.folder, self.user)
        arguments = [
            "-D",
            f"{self.folder}/data",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]
        subprocess.run(
            [f"{self.binaries}/initdb", *arguments],
            check=True,
            capture_output=True,
            env=dict(self.environment()),
            cwd=self.folder,
            preexec_fn=self._prepare(),
        )


class Redis(Server):
    """A Redis without persistence."""

    def __init__(self) -> None:
        self.binary = shutil.which("redis-server")
        if self.binary is None:
            raise Missing("redis-server is missing: apt install redis-server")
        super().__init__()

    def url(self, database: int = 0) -> str:
        """The address of one of its databases."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str]:
        """Redis in the foreground."""
        assert self.binary is not None
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": str(self.folder)}
        return [self.binary, *(part for name, value in options.items() for part in (f"--{name}", value))]


class S3(Server):
    """moto's server: S3 as far as reading, writing and presigning go."""

    def command(self) -> list[str]:
        """moto in a process of its own."""
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def config(self) -> dict[str, str]:
        """What a client needs, under the names of the AWS_* variables, in lower case."""
        return {
            "aws_endpoint_url": f"http://127.0.0.1:{self.port}",
            "aws_access_key_id": "testing",
            "aws_secret_access_key": "testing",
            "aws_region": "us-east-1",
        }

    def bucket(self, name: str) -> str:
        """Makes a bucket and returns its name."""
        import urllib.request

        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{name}", method="PUT")
        with urllib.request.urlopen(request):
            return name


def _postgres_binaries() -> str:
    # Not by PATH first: what lies there may be a lone copy that does not find the rest of its installation.
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which("initdb")
    if found is None:
        raise Missing("initdb is missing: apt install postgresql")
    return str(Path(found).parent)


def _unprivileged() -> str:
    # Postgres refuses to run as root.
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise Missing("running as root, and there is no user postgres or nobody to run Postgres as")
