"""What delivered files answer in processes that have never seen the student: few processes, since each imports anew."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kdcore.export.check import OURS, REASON
from kdcore.export.errors import ExportError

Asked = tuple[str, Path]
"""Format and file."""


def asked(files: Sequence[Asked], inputs: np.ndarray, timeout: float) -> list[np.ndarray | ExportError]:
    """The answers [N, ...] of each file to ``inputs`` [N, ...], or why it gave none.

    ONNX files are asked in one process and all that need torch in another, those that may use our code first: what
    follows them runs where none of it can be imported. A file on which a process ends or waits for longer than
    ``timeout`` seconds is to blame for it; those behind it are asked in the next one.
    """
    found: dict[int, np.ndarray | ExportError] = {}
    with tempfile.TemporaryDirectory(prefix="distillery-check-") as scratch:
        folder = Path(scratch)
        np.save(folder / "inputs.npy", inputs)
        numbered = dict(enumerate(files))
        graphs = {number: one for number, one in numbered.items() if one[0].startswith("onnx")}
        others = {number: one for number, one in numbered.items() if number not in graphs}
        for group in (graphs, dict(sorted(others.items(), key=lambda entry: entry[1][0] not in OURS))):
            found |= _in_turn(group, folder, timeout)
    return [found[number] for number in sorted(found)]


def _in_turn(files: Mapping[int, Asked], folder: Path, timeout: float) -> dict[int, np.ndarray | ExportError]:
    found: dict[int, np.ndarray | ExportError] = {}
    pending = dict(files)
    while pending:
        ended = _process(pending, folder, timeout)
        for number in list(pending):
            answer = _left(folder / f"{number}.npy")
            if answer is not None:
                found[number] = answer
                del pending[number]
        if pending:
            first = next(iter(pending))
            found[first] = ExportError(ended)
            del pending[first]
    return found


def _left(path: Path) -> np.ndarray | ExportError | None:
    reason = path.with_suffix(REASON)
    if reason.exists():
        return ExportError(f"a fresh process cannot load and run it: {reason.read_text(encoding='utf-8')}")
    return np.asarray(np.load(path)) if path.exists() else None


def _process(files: Mapping[int, Asked], folder: Path, timeout: float) -> str:
    """Ask ``files`` in one process; returns why it ended, for the file that it left without an answer."""
    command = [sys.executable, "-m", "kdcore.export.check", str(folder / "inputs.npy")]
    for number, (format, path) in files.items():
        command += [format, str(path), str(folder / f"{number}.npy")]
    try:
        # No stdin: the engine's own carries the leases that keep it alive.
        done = subprocess.run(  # noqa: S603 - our own module, and no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return f"a fresh process did not answer within {timeout:g} s"
    lines = done.stderr.strip().splitlines()
    return f"a fresh process cannot load and run it: {lines[-1][:300] if lines else f'exit status {done.returncode}'}"
