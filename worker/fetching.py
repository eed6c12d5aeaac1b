"""What a job starts from, brought into its folder before its engine gets the plan: stored files, parts joined, imports.

Told to stop, or having lost its lease, an attempt ends in the middle of a file: half of one never has its name.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from store import imports
from store.errors import FileDamaged, FileMissing
from store.files import Files
from store.inputs import SOURCE, Input
from store.settings import Settings
from worker.folders import inside
from worker.relay import Relay

_TELL_SECONDS = 1.0


class Interrupted(Exception):
    """The attempt was asked to stop, or is not ours any more."""


class InputLost(Exception):
    """A stored file that the job starts from is gone or damaged: no other attempt will find it."""


class Fetching:
    """Brings the files of one attempt, and tells of it as they come.

    Args:
        over: whether to stop.
    """

    def __init__(self, files: Files, relay: Relay, work: Path, over: Callable[[], bool]) -> None:
        self._files, self._relay, self._work, self._over = files, relay, work, over
        self._done = self._total = 0
        self._told = 0.0

    def fetch(self, wanted: Sequence[Input]) -> None:
        """Put every file at its path; one that is there already is left as it is.

        Raises:
            InputLost: a file is gone or damaged.
            Interrupted: the attempt is to stop.
            FilesError, OSError: a file could not be had.
        """
        if not wanted:
            return
        self._begin(sum(part.bytes for part in wanted), f"{len({part.path for part in wanted})} files")
        for path, parts in groupby(wanted, key=lambda part: part.path):
            self._file(inside(self._work, path), list(parts))

    def bring(self, settings: Settings, name: str) -> None:
        """Copy an import to where an inspection looks for it.

        Raises:
            Invalid: what is named is not there any more, or has grown too large.
            Interrupted, FilesError, OSError: as for ``fetch``.
        """
        self._begin(imports.look(settings, name)["bytes"], f"the import {name!r}")
        imports.fetch(settings, name, self._work / SOURCE, self._came)

    def _begin(self, total: int, what: str) -> None:
        self._done, self._total = 0, total
        self._relay.add({"type": "phase", "phase": "prepare", "run": None})
        self._relay.say("info", f"Fetching {what}: {total / 1e6:.1f} MB.")
        self._relay.flush()

    def _file(self, path: Path, parts: list[Input]) -> None:
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(".arriving")
        with aside.open("wb") as file:
            for part in parts:
                for chunk in self._part(part):
                    file.write(chunk)
        aside.replace(path)

    def _part(self, part: Input) -> Iterator[bytes]:
        digest = hashlib.sha256()
        try:
            for chunk in self._files.open(part.key or ""):
                digest.update(chunk)
                self._came(len(chunk))
                yield chunk
        except FileMissing as error:
            raise InputLost(f"{part.path} is not in the store of files any more") from error
        if digest.hexdigest() != part.sha256:
            raise InputLost(f"{part.path} is damaged in the store of files") from FileDamaged("file_damaged", part.path)

    def _came(self, count: int) -> None:
        if self._over():
            raise Interrupted
        self._done += count
        if time.monotonic() - self._told < _TELL_SECONDS:
            return
        self._told = time.monotonic()
        percent = round(100 * min(self._done / max(self._total, 1), 1), 1)
        told = {"phase": "prepare", "run": None, "stage": "fetch", "epoch": 0, "epochs": 0}
        steps = {"step": self._done, "total_steps": self._total, "percent": percent, "eta_seconds": None}
        self._relay.add({"type": "progress", **told, **steps})
        self._relay.flush()
