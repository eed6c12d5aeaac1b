"""Where a job's files come from: the source that made them, the packages, and the machine."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypedDict

COMMIT = "DISTILLERY_COMMIT"
"""Variable that an image holds the commit in that it was built from."""

PACKAGES = (
    "distillery", "torch", "torchvision", "onnx", "onnxscript", "onnxruntime", "safetensors", "numpy", "scikit-learn",
    "timm", "transformers",
)  # fmt: skip
ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 10


class Source(TypedDict):
    """The engine's own source: the commit, and whether files differed from it; None where nobody can tell."""

    commit: str | None
    modified: bool | None


class Weights(TypedDict):
    """A file of weights: ``sha256`` of its bytes; ``fingerprint`` of its tensors by name, whatever file holds them."""

    file: str
    sha256: str
    fingerprint: str


class Provenance(TypedDict):
    """What somebody needs to make the files again, and to know that they have.

    Keys:
        spec, plan, resolved: what was asked for, what it expanded to, what ``prepare`` settled.
        student: how it is built and fed, as ``config.json`` has it.
        data: name, id and version of the dataset; ``content_sha256`` of a brought one's pack, and ``sha256`` of the
            examples of each split as they were read.
        weights: by part: the student's as it is delivered, teacher's and student alone's as the job had them.
        seeds: of every run, and of the splits.
        versions, hardware, source: what computed.
    """

    spec: dict[str, Any]
    plan: dict[str, Any]
    resolved: dict[str, Any]
    student: dict[str, Any]
    data: dict[str, Any]
    weights: dict[str, Weights]
    seeds: dict[str, int]
    versions: dict[str, str]
    hardware: dict[str, Any]
    source: Source


def source() -> Source:
    """The commit of the engine: as its image says, else as git says of the checkout that it runs from."""
    told = os.environ.get(COMMIT, "").strip()
    if told:
        return Source(commit=told, modified=None)
    # Installed below somebody else's repository, git would tell of that one.
    commit = _git("rev-parse", "HEAD") if (ROOT / ".git").exists() else None
    changed = None if commit is None else _git("status", "--porcelain", "--untracked-files=no")
    return Source(commit=commit, modified=None if changed is None else bool(changed))


def _git(*arguments: str) -> str | None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments, and no shell
            ["git", "-C", str(ROOT), *arguments],  # noqa: S607 - wherever this machine has it
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True, env=clean,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def versions() -> dict[str, str]:
    """Python, and every package that computes, as far as it is installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware(device: str) -> dict[str, Any]:
    """The machine: processor, cores that may be used, memory in bytes, system, and the GPU's name on ``cuda``."""
    found: dict[str, Any] = {
        "cpu": _told(Path("/proc/cpuinfo"), r"^model name\s*:\s*(.+)$") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": int(_told(Path("/proc/meminfo"), r"^MemTotal:\s*(\d+) kB$") or 0) * 1024 or None,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "device": device,
    }
    if device == "cuda":
        import torch

        found["gpu"] = torch.cuda.get_device_name()
    return found


def _told(path: Path, pattern: str) -> str | None:
    try:
        found = re.search(pattern, path.read_text(), re.MULTILINE)
    except OSError:
        return None
    return found.group(1).strip() if found else None
