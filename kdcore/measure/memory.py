"""Memory of this process and of its device: peaks, and what is held now."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class PeakMemory:
    """Bytes: the process's largest resident size so far, the device's largest allocation (0 on a CPU)."""

    process_bytes: int
    device_bytes: int


def peak_memory() -> PeakMemory:
    """Peaks since the process started."""
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    process = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    device = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return PeakMemory(process_bytes=process, device_bytes=device)


def resident_bytes() -> int:
    """What the process holds of the machine's memory now; its peak where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return peak_memory().process_bytes
    return pages * resource.getpagesize()
