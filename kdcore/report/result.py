"""``result.json``: everything that a job proved, as one typed document."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NotRequired, TypedDict, cast

from kdcore.export.verification import Export
from kdcore.measure.documents import Alignment, Changes, Cost, Quantisation, Reliability, Robustness, Shift, Speed
from kdcore.measure.intervals import Interval
from kdcore.measure.latency import Latency
from kdcore.measure.quality import ClassFigure, Quality, gap_closed
from kdcore.measure.verdict import Verdict
from kdcore.spec.tasks import TaskInfo
from kdcore.tasks import Judged
from kdcore.tasks.verdict import verdict

RESULT_VERSION = 3


class LatencyFigures(TypedDict):
    """Milliseconds for one batch on the CPU."""

    p50: float
    p95: float
    batch: int
    threads: int
    runtime: str
    runs: int


class Metric(TypedDict):
    """The figure that decides: ``score`` of every network, ``value`` of its classes (``by_class``), the verdict."""

    task: str
    name: str
    title: str
    unit: str
    higher_is_better: bool
    by_class: str


class ModelFigures(TypedDict):
    """One network on the test split; None stands for what was not measured.

    ``intervals``: of every metric. ``bytes``: of its safetensors file. ``latency_ms``: batch of one, one thread;
    ``speeds``: further sizes. ``memory_bytes``: what a fresh onnxruntime process holds at most to answer one input,
    over what it holds before the file is opened.
    """

    architecture: str
    options: dict[str, Any]
    score: float
    interval: list[float]
    metrics: dict[str, float | None]
    intervals: dict[str, list[float] | None]
    loss: float | None
    parameters: int | None
    macs: int | None
    bytes: int | None
    latency_ms: LatencyFigures | None
    speeds: list[Speed]
    memory_bytes: int | None
    agreement_with_teacher: float | None
    divergence_from_teacher: float | None
    calibration_error: float | None
    reliability: Reliability | None
    per_class: list[ClassFigure]


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
    """One format: verified, or withheld with the reason.

    ``latency_ms``: batch of one, one thread, where onnxruntime runs it. ``share_of_float``: its bytes over those of the
    float ONNX file. ``score_interval``: of ``score``, on the examples that exports are checked on.
    """

    name: str
    format: str
    bytes: int | None
    share_of_float: float | None
    latency_ms: LatencyFigures | None
    score_interval: list[float] | None
    sha256: str | None
    verified: bool
    max_difference: float | None
    mean_difference: float | None
    agreement: float | None
    score: float | None
    reason: str | None


class Licence(TypedDict):
    """Of a teacher, initial weights or a dataset.

    ``derivatives``: whether it lets others hand out what is made from it; ``permission``: who allows it all the same.
    ``via``: models made of it that lead to this job, the first made first.
    """

    of: str
    name: str
    licence: str | None
    derivatives: str
    notes: list[str]
    via: list[str]
    permission: str | None


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
    metric: Metric
    verdict: VerdictFigures
    score_kept: float | None
    gap_closed: float | None
    models: Models
    changes: list[Changes]
    robustness: Robustness | None
    shift: Shift | None
    alignment: Alignment | None
    quantisation: Quantisation | None
    cost: Cost
    exports: list[ExportFigures]
    licences: list[Licence]
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
    parameters: int | None
    macs: int | None
    bytes: int | None = None
    latency: Latency | None = None
    speeds: Sequence[Speed] = ()
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Evidence:
    """What was measured beside the scores; see the documents of `kdcore.measure.documents`."""

    cost: Cost
    changes: Sequence[Changes] = ()
    robustness: Robustness | None = None
    shift: Shift | None = None
    alignment: Alignment | None = None
    quantisation: Quantisation | None = None
    licences: Sequence[Licence] = ()


def build_result(
    *,
    name: str,
    method: str,
    measured: Mapping[str, Measured],
    judged: Mapping[str, Judged],
    evidence: Evidence,
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
        judged: answers of the same parts to the same test examples; the verdict is made of them.
        evidence: what was measured beside the scores.
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
        metric=_metric(judged["student"].task.info),
        verdict=_verdict(verdict(judged["student"], judged.get("alone"))),
        score_kept=_kept(student, teacher, judged["student"].task.info.metric.higher_is_better),
        gap_closed=_gap(student, teacher, alone, judged["student"].task.info.metric.higher_is_better),
        models=cast(Models, {part: _figures(model) for part, model in measured.items()}),
        changes=list(evidence.changes),
        robustness=evidence.robustness,
        shift=evidence.shift,
        alignment=evidence.alignment,
        quantisation=evidence.quantisation,
        cost=evidence.cost,
        exports=[_delivered(export) for export in exports],
        licences=list(evidence.licences),
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
        score=quality.score,
        interval=list(quality.interval),
        metrics={name: _finite(value) for name, value in quality.metrics.items()},
        intervals={name: _pair(found) for name, found in quality.intervals.items()},
        loss=_finite(quality.loss),
        parameters=model.parameters,
        macs=model.macs,
        bytes=model.bytes,
        latency_ms=None if model.latency is None else cast(LatencyFigures, asdict(model.latency)),
        speeds=list(model.speeds),
        memory_bytes=model.memory_bytes,
        agreement_with_teacher=quality.agreement_with_teacher,
        divergence_from_teacher=quality.divergence_from_teacher,
        calibration_error=quality.calibration_error,
        reliability=quality.reliability,
        per_class=list(quality.per_class),
    )


def _delivered(export: Export) -> ExportFigures:
    return cast(ExportFigures, {**asdict(export), "score_interval": _pair(export.score_interval)})


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


def _metric(task: TaskInfo) -> Metric:
    metric = task.metric
    return Metric(
        task=task.name,
        name=metric.name,
        title=metric.title,
        unit=metric.unit,
        higher_is_better=metric.higher_is_better,
        by_class=task.by_class,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _kept(student: Measured, teacher: Measured | None, higher_is_better: bool) -> float | None:
    """The student's score as a share of the teacher's; of an error, the teacher's as a share of the student's."""
    if teacher is None:
        return None
    own, others = student.quality.score, teacher.quality.score
    part, whole = (own, others) if higher_is_better else (others, own)
    return part / whole if whole > 0 else None


def _gap(student: Measured, teacher: Measured | None, alone: Measured | None, higher_is_better: bool) -> float | None:
    if teacher is None or alone is None:
        return None
    sign = 1 if higher_is_better else -1
    return gap_closed(*(sign * one.quality.score for one in (teacher, alone, student)))
