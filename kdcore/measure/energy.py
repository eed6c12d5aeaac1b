"""What the device's own meter counts: a GPU by NVML, a CPU by RAPL; nothing where neither can be read."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Source = Literal["nvml", "rapl"]
Counter = Callable[[], float]
"""Joules so far, from whatever point on."""

POWERCAP = Path("/sys/class/powercap")
NVML = "libnvidia-ml.so.1"


@dataclass(frozen=True)
class EnergyMeter:
    """A meter that only goes up.

    Attributes:
        source: who counts.
        joules: since the meter was opened; to be asked more often than its counter runs over (RAPL's after some ten
            minutes of full load at the earliest).
    """

    source: Source
    joules: Counter


def energy_meter(device: str, uuids: tuple[str, ...] = ()) -> EnergyMeter | None:
    """The meter of ``device`` (``cpu`` or ``cuda``); None where this machine does not let it be read.

    RAPL counts the whole processor with all that runs on it, NVML the whole GPU.

    Args:
        uuids: of the GPUs that work, such as ``GPU-...``.
    """
    if device == "cuda":
        counter = _nvml(uuids)
        return None if counter is None else EnergyMeter("nvml", counter)
    packages = rapl_packages(POWERCAP)
    return EnergyMeter("rapl", rapl(packages)) if packages else None


def rapl_packages(folder: Path) -> dict[Path, float]:
    """The readable counters of processor packages, and where each runs over, in joules."""
    found = {}
    for package in sorted(folder.glob("intel-rapl:*")):
        if package.name.count(":") == 1:  # of a package; its parts have a second number
            try:
                _joules(package / "energy_uj")
                found[package / "energy_uj"] = _joules(package / "max_energy_range_uj")
            except (OSError, ValueError):
                continue
    return found


def rapl(packages: Mapping[Path, float]) -> Counter:
    """Joules of all packages since now, over the ends of their counters."""
    last = {path: _joules(path) for path in packages}
    total = 0.0

    def joules() -> float:
        nonlocal total
        for path, end in packages.items():
            now = _joules(path)
            total += now - last[path] if now >= last[path] else now + end - last[path]
            last[path] = now
        return total

    return joules


def _joules(path: Path) -> float:
    return int(path.read_text()) / 1e6


def _nvml(uuids: tuple[str, ...], library: str = NVML) -> Counter | None:
    """NVML's total energy of the GPUs since their driver was loaded (``nvmlDeviceGetTotalEnergyConsumption``)."""
    try:
        nvml = ctypes.CDLL(library)
        if not uuids or nvml.nvmlInit_v2():
            return None
        handles = []
        for uuid in uuids:
            handle = ctypes.c_void_p()
            if nvml.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(handle)):
                return None
            handles.append(handle)
        before = [_of_gpu(nvml, handle) for handle in handles]
    except (OSError, AttributeError):
        return None
    if None in before:
        return None
    start = sum(one for one in before if one is not None)
    return lambda: sum(_of_gpu(nvml, handle) or 0.0 for handle in handles) - start


def _of_gpu(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> float | None:
    millijoules = ctypes.c_ulonglong()
    failed = nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules))
    return None if failed else millijoules.value / 1000
