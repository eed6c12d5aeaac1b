"""Entries of a cache folder and their locks: one writer or many readers, and the least recently used go first."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kdcore.errors import EngineError, Stopped

MANIFEST, BUILDING, LOCK = "manifest.json", "building.json", "lock"
GONE = ".gone-"
POLL_SECONDS = 0.2

Stop = Callable[[], str | None]
"""Says why to stop, or None."""


@dataclass
class Entry:
    """A folder that this process holds: alone, to write, or with others, to read.

    The kernel gives the lock back when the process ends, however it ends.
    """

    path: Path
    alone: bool
    _lock: BinaryIO

    @classmethod
    def hold(cls, path: Path, stop: Stop = lambda: None, waiting: Callable[[], None] = lambda: None) -> Entry:
        """Hold an entry, alone if nobody else does; waits while another process builds it.

        Args:
            waiting: called once when there is somebody to wait for.

        Raises:
            Stopped: ``stop`` said so while waiting.
        """
        said = False
        while True:
            found = cls._try(path)
            if found is not None:
                os.utime(found._lock.fileno())
                return found
            if not said:
                waiting()
                said = True
            reason = stop()
            if reason is not None:
                raise Stopped(reason)
            time.sleep(POLL_SECONDS)

    @classmethod
    def _try(cls, path: Path) -> Entry | None:
        with suppress(FileNotFoundError):  # removed by somebody between two lines: begin again
            path.mkdir(parents=True, exist_ok=True)
            lock = (path / LOCK).open("ab")
            complete = (path / MANIFEST).exists()
            if (alone := _locked(lock, fcntl.LOCK_EX)) or (complete and _locked(lock, fcntl.LOCK_SH)):
                entry = cls(path, alone, lock)
                if entry.is_current():
                    return entry
            lock.close()
        return None

    def is_current(self) -> bool:
        """Whether the folder is still the one that was locked."""
        try:
            return os.path.samestat(os.fstat(self._lock.fileno()), (self.path / LOCK).stat())
        except FileNotFoundError:
            return False

    def share(self) -> None:
        """Let others read, too. Should it be removed in between, what is mapped or loaded stays."""
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        self.alone = False

    def close(self) -> None:
        """Give the lock back."""
        self._lock.close()

    def remove(self) -> None:
        """Take the entry out of its folder at once; whoever reads it keeps what is mapped."""
        with _guarded(self.path.parent):
            if self.is_current():
                _remove(self.path)
        self.close()


def _locked(file: BinaryIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _guarded(folder: Path) -> Iterator[None]:
    """Entries are removed by one process at a time."""
    with (folder / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove(path: Path) -> None:
    """Renamed first, so that nobody sees a half-removed entry."""
    gone = path.with_name(f"{GONE}{path.name[:16]}-{os.getpid()}-{time.monotonic_ns()}")
    path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def trim(folder: Path, budget: int) -> list[str]:
    """Remove entries that nobody holds, least recently used first, until the folder takes ``budget`` bytes at most.

    Returns:
        the names of removed entries.
    """
    return _trimmed(folder, budget, None)[0] if folder.is_dir() else []


def _trimmed(folder: Path, budget: int, beside: Path | None) -> tuple[list[str], int]:
    """Removed names and the bytes that are left, of all entries but ``beside``."""
    with _guarded(folder):
        for rest in folder.glob(f"{GONE}*"):
            shutil.rmtree(rest, ignore_errors=True)
        sizes = {path: size_of(path) for path in sorted(_entries(folder), key=_used) if path != beside}
        total, removed = sum(sizes.values()), []
        for path, size in sizes.items():
            if total > budget and _removed_if_free(path):
                removed.append(path.name)
                total -= size
    return removed, total


def _removed_if_free(path: Path) -> bool:
    with (path / LOCK).open("ab") as lock:
        if not _locked(lock, fcntl.LOCK_EX):
            return False
        _remove(path)
        return True


def _entries(folder: Path) -> list[Path]:
    return [path.parent for path in folder.glob(f"*/{LOCK}") if not path.parent.name.startswith(GONE)]


def _used(path: Path) -> float:
    return (path / LOCK).stat().st_mtime


def size_of(path: Path) -> int:
    """Bytes of an entry's files."""
    return sum(file.stat().st_size for file in path.iterdir() if file.is_file())


def make_room(path: Path, needed: int, budget: int) -> None:
    """Remove what is used least until the entry ``path`` may take ``needed`` bytes beside the others.

    Raises:
        EngineError: ``disk_full`` when it does not fit into the budget or on the disk.
    """
    folder, at = path.parent, "/training/cache/disk_mb"
    others = _trimmed(folder, max(budget - needed, 0), path)[1]
    if others + needed > budget:
        held = f", of which {_size(others)} are in use by other jobs" if others else ""
        message = f"kept outputs need {_size(needed)} and their folder may take {_size(budget)}{held}"
        raise EngineError("disk_full", f"{message}: raise disk_mb, or take fewer views", at)
    free = shutil.disk_usage(folder).free + size_of(path)
    if needed > free:
        message = f"kept outputs need {_size(needed)} and the disk of {folder} has {_size(free)} left"
        raise EngineError("disk_full", f"{message}: make room, or lower disk_mb", at)


def _size(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
