"""Whether the kernel's out-of-memory killer has struck, read from the counters it keeps."""

from __future__ import annotations

import re
from pathlib import Path

_COUNT = re.compile(r"^oom_kill\s+(\d+)", re.MULTILINE)


def oom_kills(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """How many processes the kernel has killed for memory, in our control group and on the machine.

    Only a difference between two readings means something: the readings are sums of several counters.
    """
    return sum(_count(path) for path in [proc / "vmstat", *_group_files(proc, cgroups)])


def _group_files(proc: Path, cgroups: Path) -> list[Path]:
    # Version 2 keeps the counter in memory.events, version 1 in memory.oom_control.
    files = []
    for line in _text(proc / "self" / "cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if not controllers:
            files += [cgroups / group.lstrip("/") / "memory.events"]
        elif "memory" in controllers.split(","):
            files += [cgroups / "memory" / group.lstrip("/") / "memory.oom_control"]
    return files


def _count(path: Path) -> int:
    found = _COUNT.search(_text(path))
    return int(found.group(1)) if found else 0


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
