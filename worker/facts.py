"""What a worker says about itself: host, process, versions, device, memory; read without torch."""

from __future__ import annotations

import os
import platform
import re
import socket
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("distillery", "torch", "celery")


def standing_facts() -> dict[str, Any]:
    """What does not change while the worker lives."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "versions": {"python": platform.python_version(), **_versions()},
        "device": {"cpu": _processor(), "cpus": len(os.sched_getaffinity(0)), "gpus": gpus()},
    }


def memory_facts(engines: list[int]) -> dict[str, int]:
    """Bytes of memory: the machine's, what is free of it, the worker's own and its engines'."""
    machine = _fields(Path("/proc/meminfo"))
    return {
        "total": machine.get("MemTotal", 0),
        "available": machine.get("MemAvailable", 0),
        "worker": _resident("self"),
        "engines": sum(_resident(str(pid)) for pid in engines),
    }


@cache
def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", _text(Path("/proc/cpuinfo")), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def gpus() -> list[str]:
    """The models of the machine's GPUs."""
    # The driver's own listing: asking CUDA would open a context that only ends with this process.
    cards = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    models = [re.search(r"^Model:\s*(.+)$", _text(card), re.MULTILINE) for card in cards]
    return [model.group(1).strip() for model in models if model]


def _resident(process: str) -> int:
    return _fields(Path("/proc") / process / "status").get("VmRSS", 0)


def _fields(path: Path) -> dict[str, int]:
    found = re.findall(r"^(\w+):\s+(\d+) kB$", _text(path), re.MULTILINE)
    return {name: int(kilobytes) * 1024 for name, kilobytes in found}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
