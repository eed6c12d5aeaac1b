"""Every export is reloaded in a fresh process and must answer as the student does, or it is withheld."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kdcore.export.asking import asked
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


@dataclass(frozen=True)
class Written:
    """A file or folder of a format that is to be verified; ``smaller_than``: a file that it must be smaller than."""

    path: Path
    format: str
    tolerance: Tolerance | None = None
    smaller_than: Path | None = None


def verify(
    written: Sequence[Written], *, inputs: Tensor, answers: Tensor, judge: Judge, timeout: float = TIMEOUT_SECONDS
) -> list[Export]:
    """Reload what was written in fresh processes and compare it with the student's ``answers`` to ``inputs`` [N, ...].

    What fails is removed.
    """
    given = asked([(one.format, one.path) for one in written], inputs.cpu().numpy(), timeout)
    judged = [(one, *_judged(one, own, answers, judge)) for one, own in zip(written, given, strict=True)]
    return [_export(one, comparison, "; ".join(reasons)) for one, comparison, reasons in judged]


def _judged(
    one: Written, own: np.ndarray | ExportError, answers: Tensor, judge: Judge
) -> tuple[Comparison | None, list[str]]:
    comparison, reasons = None, list(_too_large(one))
    try:
        if isinstance(own, ExportError):
            raise own
        comparison = _compare(own, answers.numpy(), judge)
        reasons += _objections(comparison, one.tolerance or TOLERANCES[one.format])
    except ExportError as error:
        reasons.append(str(error))
    return comparison, reasons


def _too_large(one: Written) -> Iterator[str]:
    if one.smaller_than is not None and (size := size_of(one.path)) >= (other := one.smaller_than.stat().st_size):
        yield f"its {size:,} bytes are no fewer than the {other:,} of {one.smaller_than.name}"


def withheld(name: str, format: str, reason: str) -> Export:
    """The record of an export that could not even be written."""
    return Export(name=name, format=format, bytes=None, sha256=None, verified=False, reason=reason)


def _export(one: Written, found: Comparison | None, reason: str) -> Export:
    size, digest = size_of(one.path), digest_of(one.path)
    if reason:
        remove(one.path)
    return Export(
        name=one.path.name,
        format=one.format,
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
