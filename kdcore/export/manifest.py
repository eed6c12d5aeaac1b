"""What lies beside the model: manifest.json says what each file is and where it comes from, SHA256SUMS proves it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kdcore.export.artifacts import Artifact, artifact

MANIFEST = "manifest.json"
CHECKSUMS = "SHA256SUMS"


def bundle(artifacts_dir: Path, provenance: Mapping[str, Any]) -> list[Artifact]:
    """Write manifest.json and SHA256SUMS for every file in ``artifacts_dir`` and describe all of them.

    SHA256SUMS covers every other file, the manifest too; the manifest covers all but these two.
    """
    root = artifacts_dir.parent
    files = [artifact(path, root) for path in _files(artifacts_dir)]
    manifest = {
        "schema_version": 1,
        "artifacts": [_without_path(file) for file in files],
        "provenance": dict(provenance),
    }
    text = json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False) + "\n"
    (artifacts_dir / MANIFEST).write_text(text, encoding="utf-8")
    files.append(artifact(artifacts_dir / MANIFEST, root))
    lines = [f"{file.sha256}  {file.name}\n" for file in sorted(files, key=lambda file: file.name)]
    (artifacts_dir / CHECKSUMS).write_text("".join(lines), encoding="utf-8")
    return [*files, artifact(artifacts_dir / CHECKSUMS, root)]


def _files(folder: Path) -> list[Path]:
    written_here = {folder / MANIFEST, folder / CHECKSUMS}
    return sorted(path for path in folder.rglob("*") if path.is_file() and path not in written_here)


def _without_path(file: Artifact) -> dict[str, Any]:
    entry = asdict(file)
    del entry["path"]
    return entry
