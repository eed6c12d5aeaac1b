"""What engines keep between jobs, bounded over all projects; each job bounds only its own project's.

The engine's rules hold here, too: an entry is a folder with a file ``lock``, which whoever uses it has locked and
whose time says when it was used last; entries are removed by whoever holds their folder's ``.lock``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_LOCK, _GUARD, _GONE = "lock", ".lock", ".gone-"


class Entry(NamedTuple):
    """One thing that is kept: when it was used last, its bytes, its folder."""

    used: float
    size: int
    path: Path


def trim(root: Path, most: int) -> int:
    """Remove what nobody uses, the least recently used first, until all takes ``most`` bytes; bytes that went."""
    entries = sorted(_entries(root))
    excess = sum(entry.size for entry in entries) - most
    gone = 0
    for entry in entries:
        if gone >= excess:
            break
        if _removed(entry.path):
            gone += entry.size
    return gone


def _entries(root: Path) -> Iterator[Entry]:
    for lock in root.glob(f"*/*/{_LOCK}"):
        if not lock.parent.name.startswith(_GONE):
            with suppress(FileNotFoundError):
                size = sum(file.stat().st_size for file in lock.parent.iterdir() if file.is_file())
                yield Entry(lock.stat().st_mtime, size, lock.parent)


def _removed(path: Path) -> bool:
    with suppress(FileNotFoundError), _alone(path.parent / _GUARD) as guarded:
        if not guarded:
            return False
        with _alone(path / _LOCK) as free:
            if not free:
                return False
            aside = path.with_name(f"{_GONE}{path.name[:16]}-{os.getpid()}")
            path.rename(aside)  # at once, so that nobody sees half an entry
            shutil.rmtree(aside, ignore_errors=True)
            return True
    return False


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether nobody else has the lock, which is ours within the block."""
    with path.open("r+b" if path.name == _LOCK else "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
