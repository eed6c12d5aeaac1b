"""The worker's folders below <home>/work: one an attempt; others for logs of waiting engines, caches, kept outputs."""

from __future__ import annotations

import shutil
import uuid
from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path

LOG_TAIL_LINES = 200
_LOG_TAIL_BYTES = 64 * 1024
_STANDBY, _CACHE, _KEPT = "standby", "cache", "kept"


class Folders:
    """Where attempts live: `<job>/attempts/<number>/`, with the engine's log beside its working directory."""

    def __init__(self, home: Path, worker_id: str) -> None:
        self.root = home / "work"
        self._standby = self.root / _STANDBY / worker_id

    @property
    def cache(self) -> Path:
        """What engines may keep between jobs, such as a font cache."""
        path = self.root / _CACHE
        path.mkdir(parents=True, exist_ok=True)
        return path

    def kept(self, project_id: str) -> Path:
        """Outputs of teachers that the jobs of one project share."""
        path = self.root / _KEPT / project_id
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def all_kept(self) -> Path:
        """The same of all projects."""
        return self.root / _KEPT

    def standby_log(self) -> Path:
        """A fresh log for an engine that has no job yet."""
        return self._standby / f"{uuid.uuid4().hex}.log"

    def attempt(self, job_id: str, number: int) -> Path:
        """The folder of one attempt."""
        return self.root / job_id / "attempts" / str(number)

    def discard(self, attempt: Path) -> None:
        """Remove an attempt's folder, and its job's when that was the last one."""
        shutil.rmtree(attempt, ignore_errors=True)
        for parent in (attempt.parent, attempt.parent.parent):
            try:
                parent.rmdir()
            except OSError:
                return

    def leave(self) -> None:
        """Remove what was kept for the engines of this worker."""
        shutil.rmtree(self._standby, ignore_errors=True)

    def standby_of(self, worker_ids: Collection[str]) -> Iterator[Path]:
        """Logs that workers other than these have left behind."""
        return (path for path in self.root.glob(f"{_STANDBY}/*") if path.name not in worker_ids)

    def attempts(self) -> Iterator[tuple[str, int, Path]]:
        """Every attempt that has a folder: job, number, folder."""
        for path in self.root.glob("*/attempts/*"):
            if path.name.isdigit():
                yield path.parent.parent.name, int(path.name), path


def inside(folder: Path, relative: str) -> Path:
    """`folder/relative`, refused when it leads out of the folder.

    Raises:
        ValueError: the path is absolute, or `..` or a link leads out.
    """
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"the engine named the file {relative!r}, which is outside its working directory")
    return path


def log_tail(path: Path, hide: Path) -> list[str]:
    """The last lines of a log, with the folder `hide` cut out of every path."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return list(deque(text.replace(f"{hide}/", "").splitlines(), maxlen=LOG_TAIL_LINES))
