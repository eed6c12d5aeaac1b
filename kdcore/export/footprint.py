"""``python -m kdcore.export.footprint FILE N ...``: memory that an ONNX file needs to answer one input [1, N, ...].

Runs in a process that has loaded onnxruntime and nothing else of weight.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TIMEOUT_SECONDS = 120
STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def memory_bytes(path: Path, input_shape: Sequence[int], *, timeout: float = TIMEOUT_SECONDS) -> int | None:
    """The most that a fresh onnxruntime process holds while it opens a file and answers one input, over what it held.

    One thread. None where the system does not tell (Linux does), or the file cannot be run.
    """
    shape = [str(size) for size in input_shape]
    command = [sys.executable, "-m", "kdcore.export.footprint", str(path), *shape]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, and no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip().isdigit() else None


def main(arguments: list[str]) -> int:
    import numpy as np
    import onnxruntime

    path, shape = arguments[0], [1, *map(int, arguments[1:])]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    before = _resident("VmRSS")
    _forget_the_peak()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    taken = session.get_inputs()[0]
    kind = np.int64 if "int64" in taken.type else np.float32
    session.run(None, {taken.name: np.ones(shape, dtype=kind)})
    sys.stdout.write(f"{max(0, _resident('VmHWM') - before)}\n")
    return 0


def _resident(name: str) -> int:
    """Bytes: what is held now (``VmRSS``), or was at most (``VmHWM``)."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def _forget_the_peak() -> None:
    """What importing took at most is no part of it; where the system does not let go of it, it stays in."""
    try:
        FORGET.write_text("5")
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
