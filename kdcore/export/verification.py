"""Every export is reloaded in a fresh process and must answer as the student does, or it is withheld."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from kdcore.export.errors import ExportError
from kdcore.files import sha256_of

TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class Tolerance:
    """What an export may differ by; None where a figure does not decide.

    Attributes:
        difference: largest difference of a logit, as a share of the student's largest logit (1 at the least).
        accuracy_drop: accuracy that may be lost against the student, as a share.
    """

    difference: float | None = None
    accuracy_drop: float | None = None


TOLERANCES = {
    "safetensors": Tolerance(difference=1e-4),
    "onnx": Tolerance(difference=1e-4),
    "onnx-int8": Tolerance(accuracy_drop=0.01),
}


@dataclass(frozen=True)
class Export:
    """One delivered format: verified and offered, or withheld with the reason (then it has no digest)."""

    name: str
    format: str
    bytes: int | None
    sha256: str | None
    verified: bool
    max_difference: float | None = None
    mean_difference: float | None = None
    agreement: float | None = None
    accuracy: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Comparison:
    """An export's answers against the student's on the same inputs."""

    max_difference: float
    mean_difference: float
    agreement: float
    accuracy: float
    accuracy_drop: float
    scale: float


def verify(
    path: Path,
    *,
    format: str,
    images: Tensor,
    labels: Tensor,
    logits: Tensor,
    tolerance: Tolerance | None = None,
    smaller_than: Path | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Export:
    """Reload ``path`` in a fresh process and compare it with the student's ``logits`` [N, K] on ``images`` [N, ...].

    The file is removed when it fails. With ``smaller_than`` it must also be smaller than that file.
    """
    size = path.stat().st_size
    comparison = None
    try:
        answers = _answers(path, format, images, timeout)
        comparison = _compare(answers, logits.numpy(), labels.numpy())
        reasons = list(_objections(comparison, tolerance or TOLERANCES[format]))
    except ExportError as error:
        reasons = [str(error)]
    if smaller_than is not None and size >= (other := smaller_than.stat().st_size):
        reasons.insert(0, f"its {size:,} bytes are no fewer than the {other:,} of {smaller_than.name}")
    return _export(path, format, size, comparison, "; ".join(reasons))


def withheld(name: str, format: str, reason: str) -> Export:
    """The record of an export that could not even be written."""
    return Export(name=name, format=format, bytes=None, sha256=None, verified=False, reason=reason)


def _export(path: Path, format: str, size: int, found: Comparison | None, reason: str) -> Export:
    digest = sha256_of(path)
    if reason:
        path.unlink()
    return Export(
        name=path.name,
        format=format,
        bytes=size,
        sha256=None if reason else digest,
        verified=not reason,
        max_difference=found.max_difference if found else None,
        mean_difference=found.mean_difference if found else None,
        agreement=found.agreement if found else None,
        accuracy=found.accuracy if found else None,
        reason=reason or None,
    )


def _answers(path: Path, format: str, images: Tensor, timeout: float) -> np.ndarray:
    with tempfile.TemporaryDirectory(prefix="distillery-check-") as folder:
        inputs, outputs = Path(folder, "inputs.npy"), Path(folder, "logits.npy")
        np.save(inputs, images.float().cpu().numpy())
        command = [sys.executable, "-m", "kdcore.export.check", format, str(path), str(inputs), str(outputs)]
        try:
            # No stdin: the engine's own carries the leases that keep it alive.
            done = subprocess.run(  # noqa: S603
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ExportError(f"a fresh process did not answer within {timeout:g} s") from error
        if done.returncode:
            raise ExportError(f"a fresh process cannot load and run it: {_last_line(done.stderr, done.returncode)}")
        return np.asarray(np.load(outputs))


def _last_line(stderr: str, code: int) -> str:
    lines = stderr.strip().splitlines()
    return lines[-1][:300] if lines else f"exit status {code}"


def _compare(answers: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> Comparison:
    if answers.shape != logits.shape:
        raise ExportError(f"it answers with shape {answers.shape}, the student with {logits.shape}")
    if not np.isfinite(answers).all():
        raise ExportError("it answers with NaN or infinity")
    difference = np.abs(answers.astype(np.float64) - logits)
    chosen, expected = answers.argmax(1), logits.argmax(1)
    accuracy = float((chosen == labels).mean())
    return Comparison(
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        agreement=float((chosen == expected).mean()),
        accuracy=accuracy,
        accuracy_drop=float((expected == labels).mean()) - accuracy,
        scale=max(1.0, float(np.abs(logits).max())),
    )


def _objections(found: Comparison, tolerance: Tolerance) -> Iterator[str]:
    if tolerance.difference is not None and found.max_difference > tolerance.difference * found.scale:
        yield (
            f"its logits differ by up to {found.max_difference:.2g} from the student's, "
            f"{tolerance.difference * found.scale:.2g} is allowed"
        )
    if tolerance.accuracy_drop is not None and found.accuracy_drop > tolerance.accuracy_drop:
        yield (
            f"it loses {found.accuracy_drop * 100:.1f} points of accuracy, "
            f"{tolerance.accuracy_drop * 100:.1f} are allowed"
        )
