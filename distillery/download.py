"""Artifacts on disk: fetched so that a cut is taken up again, checked by sha256, moved into place whole."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import httpx

from distillery.errors import ApiError, IntegrityError
from distillery.transport import BUSY, Transport

CHUNK = 1 << 20
Report = Callable[[str, int, int], None]  # name, bytes so far, bytes in all


class Offered(TypedDict):
    """A file that the service offers: its name, a plain one or a path of plain ones."""

    name: str
    sha256: str
    bytes: int
    url: str


def fetch(transport: Transport, artifact: Offered, directory: Path, report: Report | None = None) -> Path:
    """Put one file into `directory`; bytes that are already there are not fetched again."""
    target = directory.joinpath(*map(safe_name, artifact["name"].split("/")))
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file() and sha256_of(target) == artifact["sha256"]:
        return target
    # Named by content: a rest of another job's file of this name is never continued.
    part = target.with_name(f".{target.name}.{artifact['sha256'][:16]}.part")
    _pull_all(transport, artifact["url"], part, artifact, report)
    if sha256_of(part) != artifact["sha256"]:
        part.unlink()
        raise IntegrityError(f"{artifact['name']}: the bytes that arrived do not match its sha256; try again.")
    os.replace(part, target)
    return target


def _pull_all(transport: Transport, path: str, part: Path, artifact: Offered, report: Report | None) -> None:
    """Ask for the rest until the part is whole; only tries that bring nothing count as failures."""
    total, failures = artifact["bytes"], 0
    part.touch(mode=0o644)
    while (have := part.stat().st_size) != total:
        if have > total:
            part.write_bytes(b"")
            continue
        error: Exception
        try:
            _pull(transport, path, part, have, lambda done: report and report(artifact["name"], done, total))
            error = httpx.RemoteProtocolError("the download ended early")
        except httpx.TransportError as lost:
            error = lost
        except ApiError as refused:
            if refused.status not in BUSY:
                raise
            error = refused
        if (now := part.stat().st_size) == total:
            return
        failures = 0 if now > have else failures + 1
        if failures >= transport.retry.attempts:
            raise transport.failure(error)
        time.sleep(transport.retry.delay(failures, getattr(error, "retry_after", None)))


def _pull(transport: Transport, path: str, part: Path, have: int, done: Callable[[int], object]) -> None:
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with transport.stream(path, headers=headers) as response, part.open("ab") as file:
        if response.status_code != 206:
            file.truncate(0)  # the whole file is the answer to a Range that the server does not do
        # In the pieces that arrive: httpx's own re-chunking would hold back, and lose, the last one before a cut.
        for chunk in response.iter_bytes():
            file.write(chunk)
            done(file.tell())
        file.flush()
        os.fsync(file.fileno())


def safe_name(name: str) -> str:
    """The name itself if it is a plain file name; the server never chooses a folder on this machine."""
    if not name or name != Path(name).name or name.startswith(".") or "\\" in name or "\0" in name:
        raise IntegrityError(f"The service offers a file named {name!r}, which is no plain file name: refused.")
    return name


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
