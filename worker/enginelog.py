"""An engine's log, turned over before it fills the disk: the part before the current one is kept, no older one."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

_LOOK_SECONDS = 1.0


class EngineLog:
    """Looks after the log of one engine, which goes on writing to the same file, always at its end."""

    def __init__(self, most: int) -> None:
        self._most, self._look_at = most, 0.0

    def turn_when_due(self, path: Path) -> None:
        """Copy the log aside and empty it once it has grown to ``most`` bytes.

        What the engine prints between the copy and the cut is lost; records do not go this way.
        """
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_SECONDS
        try:
            if path.stat().st_size >= self._most:
                self._turn(path)
        except OSError:
            return  # a full disk: the next look may find room

    def whole(self, path: Path) -> Path:
        """The log with the part before it, in one file; for an engine that has ended.

        Where there is no room to join them it is the last part alone: a job does not fail for want of its log.
        """
        before = _before(path)
        if before.exists():
            with suppress(OSError):
                _join(before, path)
        return path

    def _turn(self, path: Path) -> None:
        aside = path.with_name(f".{path.name}")
        shutil.copyfile(path, aside)
        os.replace(aside, _before(path))
        os.truncate(path, 0)


def _join(before: Path, path: Path) -> None:
    with before.open("ab") as file, path.open("rb") as rest:
        file.write(_SEAM)
        shutil.copyfileobj(rest, file)
    os.replace(before, path)


_SEAM = b"\n... (the log was turned over here)\n"


def _before(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")
