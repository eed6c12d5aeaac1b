"""Python processes that run together, for races that threads of one process would not show."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_together(code: str, arguments: list[list[str]], seconds: float = 120) -> list[str]:
    """Starts one Python for each list of arguments, all at once; what each printed, when all ended well."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, *line],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in arguments
    ]
    try:
        outputs = [process.communicate(timeout=seconds) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return [output for output, _ in outputs]
