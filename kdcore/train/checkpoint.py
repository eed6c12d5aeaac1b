"""Checkpoints: complete, written atomically, verified before use, with the one before kept in reserve."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import torch

from kdcore.errors import EngineError
from kdcore.files import sha256_of, write_atomically, write_json

MANIFEST = "checkpoint.json"
PREVIOUS = "checkpoint.previous.json"


class CheckpointFolder:
    """The checkpoints of one job in its working directory.

    A checkpoint is a manifest that names files with their digests: what finished runs left, and the moving state
    of the current one. The manifest is replaced last, so a crash at any moment leaves the one before.
    """

    def __init__(self, workdir: Path, plan_sha256: str) -> None:
        self.workdir, self.plan_sha256 = workdir, plan_sha256

    def save(self, position: dict[str, Any], state: dict[str, Any] | None, kept: list[str]) -> dict[str, Any]:
        """Write a checkpoint.

        Args:
            position: where the job is; JSON-ready, with the job's ``step`` and ``run``.
            state: the moving state, tensors and plain values; None between runs.
            kept: files of the working directory that belong to it as they are.

        Returns:
            the list of files with digest and size, the manifest's own included.
        """
        names = list(kept)
        if state is not None:
            name = f"runs/{position['run']}/state-{position['step']}.pt"
            content = io.BytesIO()  # torch reports a full disk as an error of its own when it writes itself
            torch.save(state, content)
            write_atomically(self.workdir / name, lambda file: file.write(content.getbuffer()))
            names.append(name)
        files = [self._entry(name) for name in names]
        manifest = {"format": 1, "plan_sha256": self.plan_sha256, "position": position, "files": files}
        self._rotate(manifest)
        return {**position, "files": [*files, self._entry(MANIFEST)]}

    def _entry(self, name: str) -> dict[str, Any]:
        path = self.workdir / name
        return {"path": name, "sha256": sha256_of(path), "bytes": path.stat().st_size}

    def _rotate(self, manifest: dict[str, Any]) -> None:
        current, previous = self.workdir / MANIFEST, self.workdir / PREVIOUS
        if current.exists():
            os.replace(current, previous)
        write_json(current, manifest)
        named = {entry["path"] for path in (current, previous) for entry in _entries(path)}
        for path in self.workdir.glob("runs/*/state-*.pt"):
            if path.relative_to(self.workdir).as_posix() not in named:
                path.unlink()

    def load(self) -> tuple[dict[str, Any], dict[str, Any] | None] | None:
        """Position and state of the newest whole checkpoint; None when there has been none.

        Raises:
            EngineError: ``checkpoint_damaged`` when none is whole, ``checkpoint_mismatch`` when of another plan.
        """
        manifests = [path for path in (self.workdir / MANIFEST, self.workdir / PREVIOUS) if path.exists()]
        faults = []
        for path in manifests:
            try:
                return self._read(path)
            except _Damaged as fault:
                faults.append(str(fault))
        if not manifests:
            return None
        message = f"no whole checkpoint: {'; '.join(faults)}; start again in an empty working directory"
        raise EngineError("checkpoint_damaged", message)

    def _read(self, path: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
        try:
            manifest = json.loads(path.read_text())
            files, position = manifest["files"], manifest["position"]
            other = manifest["plan_sha256"] != self.plan_sha256
        except (ValueError, KeyError, TypeError) as error:
            raise _Damaged(f"{path.name} cannot be read") from error
        if other:
            raise EngineError(
                "checkpoint_mismatch", f"{path.name} belongs to another plan: use an empty working directory"
            )
        for entry in files:
            self._verify(entry)
        states = [entry["path"] for entry in files if entry["path"].endswith(".pt")]
        return position, self._state(states[0]) if states else None

    def _verify(self, entry: dict[str, Any]) -> None:
        path = self.workdir / entry["path"]
        if not path.exists():
            raise _Damaged(f"{entry['path']} is missing")
        size = path.stat().st_size
        if size != entry["bytes"]:
            raise _Damaged(f"{entry['path']} has {size} of {entry['bytes']} bytes")
        if sha256_of(path) != entry["sha256"]:
            raise _Damaged(f"{entry['path']} has another digest than when it was written")

    def _state(self, name: str) -> dict[str, Any]:
        state: dict[str, Any] = torch.load(self.workdir / name, map_location="cpu", weights_only=True)
        return state


class _Damaged(Exception):
    """This checkpoint cannot be used; another may."""


def _entries(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text())["files"]
    except (ValueError, KeyError):
        return []
    return entries
