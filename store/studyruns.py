"""How the rows of a study follow its jobs: written in the transaction in which a job ends, so that none is lost."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from store.database import now
from store.models import Job, JobSpecRow, JobState, MetricPoint, Study, StudyRun

Json = dict[str, Any]
SPLIT = "validation"
QUEUED, LOST = JobState.QUEUED, (JobState.FAILED, JobState.CANCELLED)


def ended(session: Session, job: Job, to: JobState) -> None:
    """Notes in the study's table what a job came to, and has the study looked at; nothing for any other job."""
    run = run_of(session, job)
    if run is None:
        return
    run.status, run.ended_at, run.seconds = to, now(session), sum(job.durations.values())
    run.error = {name: (job.error or {}).get(name) for name in ("code", "message")} if to is JobState.FAILED else None
    documents = session.get_one(JobSpecRow, job.id)
    if to is JobState.SUCCEEDED and documents.result is not None:
        run.score, run.figures = _score(documents.result), _figures(documents.result, job)
        run.validation = _validation(session, job, documents.plan)
    wake(session, run.study_id)


def again(session: Session, job: Job, new: Job) -> None:
    """Gives a repeated job the place of the one that it repeats, unless another has it."""
    run = run_of(session, job)
    if run is None:
        return
    place = {"study_id": run.study_id, "study_arm": run.arm, "study_seed": run.seed}
    session.execute(update(Job).where(Job.id == new.id).values(**place).execution_options(synchronize_session="fetch"))
    run.job_id, run.status, run.error, run.ended_at = new.id, new.status, None, None
    run.score = run.validation = run.seconds = run.figures = None
    session.flush()


def mark_again(session: Session, study_id: str, arms: Collection[str]) -> list[StudyRun]:
    """Marks the failed and cancelled places of these arms to be begun again; gives them.

    Whoever leads the study on begins them. A place whose job is gone is forgotten, so that it gets a new one, and a
    teacher that was trained, but could not be kept, is kept again.
    """
    mine = StudyRun.study_id == study_id, StudyRun.status.in_(LOST), StudyRun.ended_at.is_not(None)
    query = select(StudyRun, Job.status).outerjoin(Job, Job.id == StudyRun.job_id).where(*mine)
    found = []
    for run, status in session.execute(query).all():
        if run.arm not in arms:
            continue
        found.append(run)
        if status in LOST:
            run.status, run.error, run.score, run.validation, run.seconds, run.figures = QUEUED, *[None] * 5
        elif status is None:
            session.delete(run)
        else:
            run.status, run.error = status, None
    session.flush()
    return found


def waits_again(run: StudyRun) -> bool:
    """Whether the place is marked to be begun again: queued, though its job has ended."""
    return run.status == QUEUED and run.ended_at is not None


def run_of(session: Session, job: Job) -> StudyRun | None:
    """The row of a study that is about this job."""
    if job.study_id is None:
        return None
    run = session.get(StudyRun, (job.study_id, job.study_arm, job.study_seed))
    return run if run is not None and run.job_id == job.id else None


def wake(session: Session, study_id: str) -> None:
    """Have somebody look at the study soon, where it has not ended."""
    going = Study.id == study_id, Study.finished_at.is_(None)
    session.execute(
        update(Study).where(*going).values(next_at=now(session)).execution_options(synchronize_session=False)
    )


def _score(result: Json) -> float | None:
    score = ((result.get("models") or {}).get("student") or {}).get("score")
    return float(score) if isinstance(score, int | float) else None


def _figures(result: Json, job: Job) -> Json:
    """What the table shows beside the score, off a result that is too long to be read for each row."""
    student = result["models"]["student"] if result.get("models") else {}
    latency = student.get("latency_ms") or {}
    gate = (result.get("resolved") or {}).get("gate")
    return {
        **{name: student.get(name) for name in ("interval", "parameters", "macs", "bytes")},
        "latency_ms": latency.get("p50"),
        "agreement_with_teacher": student.get("agreement_with_teacher"),
        "divergence_from_teacher": student.get("divergence_from_teacher"),
        "train_seconds": job.durations.get("train"),
        "gate": gate or None,
        "guard": _guard(result),
    }


def _guard(result: Json) -> Json | None:
    """What the harm guard found: whether the student was behind its twin that compares no features."""
    findings = (result.get("diagnostics") or {}).get("findings") or []
    found = next((one for one in findings if one.get("kind") == "harm_guard"), None)
    return found and {name: found.get(name) for name in ("harmful", "matched", "unmatched", "tolerance", "epoch")}


def _validation(session: Session, job: Job, plan: Json) -> float | None:
    """The figure that decides on the validation split, of the weights that the run kept: its best epoch's, or its
    last's; of the last stage that was judged by it."""
    run, metric = (plan.get("runs") or [{}])[-1], plan.get("metric") or {}
    name = str(metric.get("name"))
    mine = MetricPoint.job_id == job.id, MetricPoint.run == run.get("name"), MetricPoint.split == SPLIT
    query = select(MetricPoint).where(*mine, MetricPoint.superseded.is_(False)).order_by(MetricPoint.step)
    points = [point for point in session.scalars(query) if point.values.get(name) is not None]
    values = [float(point.values[name]) for point in points if point.stage == points[-1].stage]
    if not values or (run.get("training") or {}).get("keep") == "last":
        return values[-1] if values else None
    return max(values) if metric.get("higher_is_better", True) else min(values)
