"""Checkpoints: complete, written atomically, verified before use, with those before kept in reserve."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
from pathlib import Path
from typing import Any

import torch

from kdcore.errors import EngineError
from kdcore.files import sha256_of, write_atomically, write_json

MANIFEST = "checkpoint.json"
PREVIOUS = "checkpoint.previous.json"
NEXT = "checkpoint.next.json"
FORMAT = 2

BEST = "best"
"""The part of the state that has a file of its own, written once for all checkpoints that share it."""

State = dict[str, Any]
Record = dict[str, Any]


class CheckpointFolder:
    """The checkpoints of one job in its working directory.

    A checkpoint is a manifest that names files with their digests: what finished runs left, the moving state of the
    current one, and the best weights so far. No file that a manifest names is ever written again, and the manifest is
    replaced last, so a crash at any moment leaves the one before.

    Args:
        workdir, plan_sha256: of the job.
        keep: how many of the last checkpoints stay.
    """

    def __init__(self, workdir: Path, plan_sha256: str, keep: int = 2) -> None:
        self.workdir, self.plan_sha256 = workdir, plan_sha256
        names = [MANIFEST, PREVIOUS, *(f"checkpoint.previous-{age}.json" for age in range(2, keep))]
        self._manifests = [workdir / name for name in names[:keep]]
        self._digests: dict[str, tuple[tuple[int, ...], str]] = {}
        self._best: tuple[Any, str] | None = None

    def save(self, position: dict[str, Any], state: State | None, kept: list[str]) -> Record:
        """Write a checkpoint.

        Args:
            position: where the job is; JSON-ready, with the job's ``step`` and ``run``.
            state: the moving state, tensors and plain values; None between runs. What is under ``best`` is written
                only when it is another object than in the last call, and must not change in between.
            kept: files of the working directory that belong to it as they are.

        Returns:
            the list of files with digest and size, the manifest's own included.
        """
        self._clear()
        names, parts = list(kept), {}
        if state is None:
            self._best = None
        else:
            moving = {name: value for name, value in state.items() if name != BEST}
            parts["state"] = self._write("state", position, moving)
            if state.get(BEST) is not None:
                parts[BEST] = self._best_of(position, state[BEST])
            names.extend(parts.values())
        files = [self._entry(name) for name in names]
        manifest = {"format": FORMAT, "plan_sha256": self.plan_sha256, "position": position, "files": files}
        self._rotate({**manifest, "parts": parts})
        self._clear()
        return {**position, "files": [*files, self._entry(MANIFEST)]}

    def _best_of(self, position: dict[str, Any], best: Any) -> str:
        if self._best is None or self._best[0] is not best or not (self.workdir / self._best[1]).exists():
            self._best = best, self._write(BEST, position, best)
        return self._best[1]

    def _write(self, part: str, position: dict[str, Any], content: Any) -> str:
        """Write ``content`` under a name that no file has, and return the name."""
        stem = f"runs/{position['run']}/{part}-{position['step']}"
        names = itertools.chain([f"{stem}.pt"], (f"{stem}-{number}.pt" for number in itertools.count(1)))
        name = next(name for name in names if not (self.workdir / name).exists())
        written = io.BytesIO()  # torch reports a full disk as an error of its own when it writes itself
        torch.save(content, written)
        write_atomically(self.workdir / name, lambda file: file.write(written.getbuffer()))
        self._digests[name] = self._stamp(name), hashlib.sha256(written.getbuffer()).hexdigest()
        return name

    def _entry(self, name: str) -> dict[str, Any]:
        """A file's line in the manifest; what was digested before and is still the same file is not read again."""
        stamp = self._stamp(name)
        known = self._digests.get(name)
        if known is None or known[0] != stamp:
            known = self._digests[name] = stamp, sha256_of(self.workdir / name)
        return {"path": name, "sha256": known[1], "bytes": stamp[0]}

    def _stamp(self, name: str) -> tuple[int, ...]:
        found = (self.workdir / name).stat()
        return found.st_size, found.st_mtime_ns, found.st_ino

    def _rotate(self, manifest: dict[str, Any]) -> None:
        """This manifest becomes the newest, and those before it get one older, up to a gap that a crash has left."""
        write_json(self.workdir / NEXT, manifest)
        slots = self._manifests
        gap = next((age for age, path in enumerate(slots) if not path.exists()), len(slots) - 1)
        for age in reversed(range(gap)):
            os.replace(slots[age], slots[age + 1])
        os.replace(self.workdir / NEXT, slots[0])

    def _clear(self) -> None:
        """Remove the parts of forgotten checkpoints, and what a crash has left half written."""
        named = {entry["path"] for path in self._all_manifests() for entry in _entries(path)}
        for part in ("state", BEST):
            for path in self.workdir.glob(f"runs/*/{part}-*.pt*"):
                name = path.relative_to(self.workdir).as_posix()
                if name not in named:
                    path.unlink()
                    self._digests.pop(name, None)

    def _all_manifests(self) -> list[Path]:
        """The manifests there are, newest first; a crash may have left a gap."""
        return [path for path in self._manifests if path.exists()]

    def load(self) -> tuple[dict[str, Any], State | None] | None:
        """Position and state of the newest whole checkpoint; None when there has been none.

        Raises:
            EngineError: ``checkpoint_damaged`` when none is whole, ``checkpoint_mismatch`` when of another plan.
        """
        manifests, faults = self._all_manifests(), []
        for path in manifests:
            try:
                return self._read(path)
            except _Damaged as fault:
                faults.append(str(fault))
        if not manifests:
            return None
        message = f"no whole checkpoint: {'; '.join(faults)}; start again in an empty working directory"
        raise EngineError("checkpoint_damaged", message)

    def _read(self, path: Path) -> tuple[dict[str, Any], State | None]:
        try:
            manifest = json.loads(path.read_text())
            files, position, parts = manifest["files"], manifest["position"], manifest["parts"]
            other = manifest["plan_sha256"] != self.plan_sha256
        except (ValueError, KeyError, TypeError) as error:
            raise _Damaged(f"{path.name} cannot be read") from error
        if other:
            raise EngineError(
                "checkpoint_mismatch", f"{path.name} belongs to another plan: use an empty working directory"
            )
        for entry in files:
            self._verify(entry)
        return position, self._state(parts)

    def _verify(self, entry: dict[str, Any]) -> None:
        path = self.workdir / entry["path"]
        if not path.exists():
            raise _Damaged(f"{entry['path']} is missing")
        size = path.stat().st_size
        if size != entry["bytes"]:
            raise _Damaged(f"{entry['path']} has {size} of {entry['bytes']} bytes")
        if sha256_of(path) != entry["sha256"]:
            raise _Damaged(f"{entry['path']} has another digest than when it was written")

    def _state(self, parts: dict[str, str]) -> State | None:
        if "state" not in parts:
            return None
        state: State = self._tensors(parts["state"])
        return {**state, BEST: self._tensors(parts[BEST]) if BEST in parts else None}

    def _tensors(self, name: str) -> Any:
        return torch.load(self.workdir / name, map_location="cpu", weights_only=True)


class _Damaged(Exception):
    """This checkpoint cannot be used; another may."""


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text())["files"]
    except (ValueError, KeyError):
        return []
    return entries
