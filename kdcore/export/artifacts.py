"""A file that a job hands out: its name, kind, size and digest, read from the file itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kdcore.files import sha256_of


@dataclass(frozen=True)
class Artifact:
    """One file of a result; ``path`` is relative to the folder that the job works in, ``bytes`` its size."""

    name: str
    path: str
    kind: str
    media_type: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Kind:
    """How a kind of file ends, its media type, and the folder that it lies in, where it has one of its own."""

    name: str
    ending: str
    media_type: str
    folder: str = ""


# The first ending that fits decides, so the longer ones come first.
KINDS = (
    Kind("huggingface", ".json", "application/json", folder="hf/"),
    Kind("card", "README.md", "text/markdown", folder="hf/"),
    Kind("huggingface", "", "application/octet-stream", folder="hf/"),
    Kind("onnx-fp16", ".fp16.onnx", "application/octet-stream"),
    Kind("onnx-int8", ".int8.onnx", "application/octet-stream"),
    Kind("onnx", ".onnx", "application/octet-stream"),
    Kind("torch-export", ".pt2", "application/octet-stream"),
    Kind("constants", ".constants.safetensors", "application/octet-stream"),
    Kind("safetensors", ".safetensors", "application/octet-stream"),
    Kind("loader", ".py", "text/x-python"),
    Kind("config", "config.json", "application/json"),
    Kind("card", "README.md", "text/markdown"),
    Kind("result", "result.json", "application/json"),
    Kind("manifest", "manifest.json", "application/json"),
    Kind("report", ".html", "text/html"),
    Kind("spec", ".yaml", "application/yaml"),
    Kind("checksums", "SHA256SUMS", "text/plain"),
    Kind("file", "", "application/octet-stream"),
)


def artifact(path: Path, root: Path) -> Artifact:
    """Describe the file ``path``, which lies in ``root/artifacts``."""
    name = path.relative_to(root / "artifacts").as_posix()
    kind = next(kind for kind in KINDS if name.startswith(kind.folder) and name.endswith(kind.ending))
    return Artifact(
        name=name,
        path=path.relative_to(root).as_posix(),
        kind=kind.name,
        media_type=kind.media_type,
        sha256=sha256_of(path),
        bytes=path.stat().st_size,
    )
