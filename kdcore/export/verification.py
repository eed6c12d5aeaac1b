"""Every export is reloaded in a fresh process and must answer as the student does, or it is withheld."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kdcore.export.errors import ExportError
from kdcore.export.sizes import digest_of, remove, size_of
from kdcore.measure.intervals import Interval
from kdcore.measure.latency import Latency

TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class Tolerance:
    """What an export may differ by; None where a figure does not decide.

    Attributes:
        difference: largest difference of a logit, as a share of the student's largest logit (1 at the least).
        score_drop: of the task's deciding figure, what may be lost against the student: as a difference, or of an
            error as a share of the student's.
    """

    difference: float | None = None
    score_drop: float | None = None


TOLERANCES = {
    "safetensors": Tolerance(difference=1e-4),
    "onnx": Tolerance(difference=1e-4),
    "onnx-fp16": Tolerance(difference=2e-2, score_drop=0.005),
    "onnx-int8": Tolerance(score_drop=0.01),
    "torch-export": Tolerance(difference=1e-4),
    "huggingface": Tolerance(difference=1e-4),
    "loader": Tolerance(difference=1e-4),
}
"""By format; ``loader`` is the weights' own way into a process without Distillery."""


@dataclass(frozen=True)
class Judge:
    """What answers are worth, for whatever task.

    Attributes:
        score: the deciding figure of answers [N, ...] to the inputs that an export is compared on.
        alike: share of the examples that two sets of answers [N, ...] answer alike.
        higher_is_better: direction of the score.
        interval: of the score at 95 %, where there is one.
    """

    score: Callable[[Tensor], float]
    alike: Callable[[Tensor, Tensor], float]
    higher_is_better: bool = True
    interval: Callable[[Tensor], Interval] | None = None


@dataclass(frozen=True)
class Export:
    """One delivered format: verified and offered, or withheld with the reason (then it has no digest).

    ``share_of_float``: its bytes over those of the float ONNX file; ``latency_ms``: of one input on one thread, where
    onnxruntime runs it; ``score_interval``: of ``score``, on the examples that it was compared on.
    """

    name: str
    format: str
    bytes: int | None
    sha256: str | None
    verified: bool
    max_difference: float | None = None
    mean_difference: float | None = None
    agreement: float | None = None
    score: float | None = None
    reason: str | None = None
    share_of_float: float | None = None
    latency_ms: Latency | None = None
    score_interval: Interval | None = None


@dataclass(frozen=True)
class Comparison:
    """An export's answers against the student's on the same inputs."""

    max_difference: float
    mean_difference: float
    agreement: float
    score: float
    score_drop: float
    scale: float
    interval: Interval | None


def verify(
    path: Path,
    *,
    format: str,
    inputs: Tensor,
    answers: Tensor,
    judge: Judge,
    tolerance: Tolerance | None = None,
    smaller_than: Path | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Export:
    """Reload ``path`` in a fresh process and compare it with the student's ``answers`` to ``inputs``, both [N, ...].

    ``path`` is removed when it fails; it may be a folder. With ``smaller_than`` it must also be smaller than that file.
    """
    size = size_of(path)
    comparison = None
    try:
        comparison = _compare(_answers(path, format, inputs, timeout), answers.numpy(), judge)
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
    digest = digest_of(path)
    if reason:
        remove(path)
    return Export(
        name=path.name,
        format=format,
        bytes=size,
        sha256=None if reason else digest,
        verified=not reason,
        max_difference=found.max_difference if found else None,
        mean_difference=found.mean_difference if found else None,
        agreement=found.agreement if found else None,
        score=found.score if found else None,
        score_interval=found.interval if found else None,
        reason=reason or None,
    )


def _answers(path: Path, format: str, given: Tensor, timeout: float) -> np.ndarray:
    with tempfile.TemporaryDirectory(prefix="distillery-check-") as folder:
        inputs, outputs = Path(folder, "inputs.npy"), Path(folder, "logits.npy")
        np.save(inputs, given.cpu().numpy())
        command = [sys.executable, "-m", "kdcore.export.check", format, str(path), str(inputs), str(outputs)]
        try:
            # No stdin: the engine's own carries the leases that keep it alive.
            done = subprocess.run(  # noqa: S603 - our own module, and no shell
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


def _compare(answers: np.ndarray, expected: np.ndarray, judge: Judge) -> Comparison:
    if answers.shape != expected.shape:
        raise ExportError(f"it answers with shape {answers.shape}, the student with {expected.shape}")
    if not np.isfinite(answers).all():
        raise ExportError("it answers with NaN or infinity")
    difference = np.abs(answers.astype(np.float64) - expected)
    own, wanted = torch.from_numpy(answers), torch.from_numpy(expected)
    score, before = judge.score(own), judge.score(wanted)
    lost = before - score if judge.higher_is_better else score - before
    return Comparison(
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        agreement=judge.alike(own, wanted),
        score=score,
        score_drop=lost if judge.higher_is_better else lost / max(before, 1e-12),
        scale=max(1.0, float(np.abs(expected).max())),
        interval=None if judge.interval is None else judge.interval(own),
    )


def _objections(found: Comparison, tolerance: Tolerance) -> Iterator[str]:
    if tolerance.difference is not None and found.max_difference > tolerance.difference * found.scale:
        yield (
            f"its logits differ by up to {found.max_difference:.2g} from the student's, "
            f"{tolerance.difference * found.scale:.2g} is allowed"
        )
    if tolerance.score_drop is not None and found.score_drop > tolerance.score_drop:
        yield (
            f"it loses {found.score_drop * 100:.1f} points of what the student scores, "
            f"{tolerance.score_drop * 100:.1f} are allowed"
        )
