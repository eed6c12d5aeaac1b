"""Processes that read another time of day than their machine has."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("wrong_clock.c")


def compiler() -> str | None:
    """What makes the shim; None where there is none."""
    return shutil.which("cc")


def wrong_clock(folder: Path, hours: float) -> list[str]:
    """Words to put before a command whose clock shall be off; the shim is made in ``folder``."""
    shim = folder / "wrong_clock.so"
    if not shim.exists():
        made = compiler()
        assert made is not None, "a C compiler is missing: apt install gcc"
        subprocess.run([made, "-shared", "-fPIC", "-o", shim, SOURCE, "-ldl"], check=True)
    return ["env", f"LD_PRELOAD={shim}", f"WRONG_CLOCK_SECONDS={round(hours * 3600)}"]
