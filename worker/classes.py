"""Which classes of jobs a worker serves: those it was told, and with each the sizes of memory that it has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from worker.gpus import said
from worker.settings import WorkerSettings

SMALLEST_GB, LARGEST_GB = 16, 256
"""A job's need is rounded up to a power of two between these; one of 8 GB or less is of the plain class."""
_SMI = ("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits")


def served(settings: WorkerSettings) -> tuple[str, ...]:
    """Every class whose jobs this worker takes, the plain ones first.

    A class that was told with a size, as ``cpu-32g``, is served as it is: jobs of other sizes are left to others.
    """
    sized = [f"{name}-{size}g" for name in settings.resource_classes for size in _sizes(name, settings)]
    return tuple(dict.fromkeys([*settings.resource_classes, *sized]))


def _sizes(name: str, settings: WorkerSettings) -> Iterator[int]:
    if name not in ("cpu", "gpu"):
        return
    memory = settings.memory_gb or _found_gb(name) / settings.slots
    size = SMALLEST_GB
    while size <= min(memory, LARGEST_GB):
        yield size
        size *= 2


def _found_gb(name: str) -> float:
    return machine_gb() if name == "cpu" else gpu_gb()


def machine_gb(meminfo: Path = Path("/proc/meminfo")) -> float:
    """Memory of this machine, in 10^9 bytes."""
    found = re.search(r"^MemTotal:\s+(\d+) kB", meminfo.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 / 1e9 if found else 0.0


def gpu_gb(command: Sequence[str] = _SMI) -> float:
    """Memory of the smallest of this machine's GPUs."""
    return min((float(line) * 1024**2 / 1e9 for line in said(command) if line.strip().isdecimal()), default=0.0)
