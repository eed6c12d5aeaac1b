"""``result.json``: everything that a job proved, as one typed document."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NotRequired, TypedDict, cast

from numpy.typing import ArrayLike

from kdcore.export.verification import Export
from kdcore.measure.intervals import Interval
from kdcore.measure.latency import Latency
from kdcore.measure.quality import ClassRecall, Quality, gap_closed
from kdcore.measure.verdict import Verdict, verdict

RESULT_VERSION = 1


class LatencyFigures(TypedDict):
    """Milliseconds for one batch on the CPU."""

    p50: float
    p95: float
    batch: int
    threads: int
    runtime: str
    runs: int


class ModelFigures(TypedDict):
    """One network on the test split; ``bytes`` is its safetensors file, None stands for what was not measured."""

    architecture: str
    options: dict[str, Any]
    accuracy: float
    interval: list[float]
    loss: float | None
    parameters: int
    macs: int
    bytes: int | None
    latency_ms: LatencyFigures | None
    agreement_with_teacher: float | None
    divergence_from_teacher: float | None
    calibration_error: float
    per_class: list[ClassRecall]


class VerdictFigures(TypedDict):
    """The verdict with its evidence; the figures are None without a baseline."""

    outcome: str
    text: str
    metric: str
    difference: float | None
    interval: list[float] | None
    confidence: float
    procedure: str
    p_value: float | None


class ExportFigures(TypedDict):
    """One format: verified, or withheld with the reason."""

    name: str
    format: str
    bytes: int | None
    sha256: str | None
    verified: bool
    max_difference: float | None
    mean_difference: float | None
    agreement: float | None
    accuracy: float | None
    reason: str | None


class Models(TypedDict):
    """The networks of a job by the part they play; a student trained alone as the whole job has no other beside it."""

    teacher: NotRequired[ModelFigures]
    alone: NotRequired[ModelFigures]
    student: ModelFigures


class Result(TypedDict):
    """The whole document."""

    schema_version: int
    name: str
    method: str
    verdict: VerdictFigures
    accuracy_kept: float | None
    gap_closed: float | None
    models: Models
    exports: list[ExportFigures]
    dataset: dict[str, Any]
    versions: dict[str, str]
    hashes: dict[str, Any]
    durations: dict[str, float]
    warnings: list[dict[str, Any]]
    diagnostics: dict[str, Any]
    resolved: dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """One network: what it is, how good it is, and what it costs; ``bytes`` is its safetensors file."""

    architecture: str
    options: Mapping[str, Any]
    quality: Quality
    parameters: int
    macs: int
    bytes: int | None = None
    latency: Latency | None = None


def build_result(
    *,
    name: str,
    method: str,
    measured: Mapping[str, Measured],
    correct: Mapping[str, ArrayLike],
    exports: Sequence[Export] = (),
    dataset: Mapping[str, Any],
    versions: Mapping[str, str],
    hashes: Mapping[str, Any],
    durations: Mapping[str, float],
    warnings: Iterable[Mapping[str, Any]] = (),
    diagnostics: Mapping[str, Any] | None = None,
    resolved: Mapping[str, Any],
) -> Result:
    """Put what was measured together; every value is ready for JSON.

    Args:
        name, method: of the job.
        measured: networks by part: ``student``, and ``teacher`` and ``alone`` where the job has them.
        correct: right-or-wrong outcomes [N] of the same parts on the same test examples; the verdict is made of them.
        exports: as ``deliver`` gives them.
        dataset, versions, hashes, durations, warnings, resolved: facts for those who repeat the job.
        diagnostics: what the job noticed about itself.
    """
    teacher, alone, student = (measured.get(part) for part in ("teacher", "alone", "student"))
    if student is None:
        raise ValueError(f"a result needs a measured student; got {', '.join(measured) or 'nothing'}")
    return Result(
        schema_version=RESULT_VERSION,
        name=name,
        method=method,
        verdict=_verdict(verdict(correct["student"], correct.get("alone"))),
        accuracy_kept=_kept(student, teacher),
        gap_closed=_gap(student, teacher, alone),
        models=cast(Models, {part: _figures(model) for part, model in measured.items()}),
        exports=[cast(ExportFigures, asdict(export)) for export in exports],
        dataset=dict(dataset),
        versions=dict(versions),
        hashes=dict(hashes),
        durations=dict(durations),
        warnings=[dict(warning) for warning in warnings],
        diagnostics=dict(diagnostics or {}),
        resolved=dict(resolved),
    )


def _figures(model: Measured) -> ModelFigures:
    quality = model.quality
    return ModelFigures(
        architecture=model.architecture,
        options=dict(model.options),
        accuracy=quality.accuracy,
        interval=list(quality.interval),
        loss=quality.loss if math.isfinite(quality.loss) else None,
        parameters=model.parameters,
        macs=model.macs,
        bytes=model.bytes,
        latency_ms=None if model.latency is None else cast(LatencyFigures, asdict(model.latency)),
        agreement_with_teacher=quality.agreement_with_teacher,
        divergence_from_teacher=quality.divergence_from_teacher,
        calibration_error=quality.calibration_error,
        per_class=list(quality.per_class),
    )


def _verdict(found: Verdict) -> VerdictFigures:
    return VerdictFigures(
        outcome=found.outcome,
        text=found.text,
        metric=found.metric,
        difference=found.difference,
        interval=_pair(found.interval),
        confidence=found.confidence,
        procedure=found.procedure,
        p_value=found.p_value,
    )


def _pair(interval: Interval | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _kept(student: Measured, teacher: Measured | None) -> float | None:
    """The student's accuracy as a share of the teacher's."""
    if teacher is None or teacher.quality.accuracy == 0:
        return None
    return student.quality.accuracy / teacher.quality.accuracy


def _gap(student: Measured, teacher: Measured | None, alone: Measured | None) -> float | None:
    if teacher is None or alone is None:
        return None
    return gap_closed(teacher.quality.accuracy, alone.quality.accuracy, student.quality.accuracy)
