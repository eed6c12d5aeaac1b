"""The folder of a local service: private to its user, owned by one `distill up` at a time."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from distillery.config import Connection
from distillery.errors import ServiceError


@dataclass(frozen=True)
class Home:
    """Where a local service keeps everything: database, files, logs, secret and key."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def secret(self) -> Path:
        return self.path / "secret"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    def make(self) -> None:
        """Create the folder with nobody else's access, and the server's secret once."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            if not self.secret.exists():
                write_private(self.secret, secrets.token_hex(32) + "\n")
        except OSError as error:
            message = f"The folder {self.path} cannot be used ({error.strerror}): choose another with --home."
            raise ServiceError(message) from error

    def remember(self, connection: Connection) -> None:
        """Tell this user's clients where the service is and with which key."""
        text = json.dumps({"url": connection.url, "key": connection.key}, indent=2)
        write_private(self.path / "client.json", text + "\n")

    def holder(self) -> dict[str, Any] | None:
        """Who runs a service on this folder now (`pid`, `url`, `ready`), or nothing when nobody does."""
        try:
            with self.lock.open("r", encoding="utf-8") as file:
                if _take(file):
                    return None
                return _holder(file)
        except FileNotFoundError:
            return None

    @contextmanager
    def hold(self) -> Iterator[IO[str]]:
        """Own this folder; a second owner gets a sentence with the first one's pid and address."""
        with self.lock.open("a+", encoding="utf-8") as file:
            if not _take(file):
                raise ServiceError(_busy(self.path, _holder(file)))
            self.announce(file, url=None, ready=False)
            try:
                yield file
            finally:
                file.truncate(0)

    def announce(self, file: IO[str], *, url: str | None, ready: bool) -> None:
        """Write into the held lock what a second owner will read."""
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "url": url, "ready": ready}, file)
        file.flush()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read: whole or not at all, never readable in between."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _take(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: IO[str]) -> dict[str, Any]:
    file.seek(0)
    try:
        return dict(json.load(file))
    except ValueError:
        return {}


def _busy(path: Path, holder: dict[str, Any]) -> str:
    where = f" at {holder['url']}" if holder.get("url") else ""
    who = f"process {holder['pid']}{where}" if holder.get("pid") else "another process"
    return f"Distillery already runs on {path} ({who}): use it, stop it with `distill down`, or choose --home."
