"""The table of a study from its rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kdcore.spec.studies.plan import StudyPlan
from kdcore.spec.studies.results import Row, results
from store.models import Study, StudyRun
from store.studies import FINAL, TEACHER

Json = dict[str, Any]


def table(study: Study, runs: Iterable[StudyRun]) -> Json:
    """Everything that the study has shown so far."""
    rows = list(runs)
    plan = StudyPlan.model_validate(study.plan)
    of_arms = (_row(run) for run in rows if not run.arm.startswith(TEACHER))
    return {
        "study_id": study.id,
        "name": study.name,
        "question": study.question,
        "status": study.status,
        "teachers": teachers_of(rows),
        **results(plan, of_arms, study.stopped, ended=study.status in FINAL),
    }


def teachers_of(runs: Iterable[StudyRun]) -> list[Json]:
    """Shared teachers with what became of their jobs."""
    return [
        {
            "name": run.arm.removeprefix(TEACHER),
            "job_id": run.job_id,
            "status": run.status,
            "model_id": run.model_id,
            "score": run.score,
            "seconds": run.seconds,
            "error": run.error,
        }
        for run in runs
        if run.arm.startswith(TEACHER)
    ]


def _row(run: StudyRun) -> Row:
    return Row(
        arm=run.arm,
        seed=run.seed,
        job=run.job_id,
        status=str(run.status),
        score=run.score,
        validation=run.validation,
        seconds=run.seconds,
        figures=run.figures or {},
        error=run.error,
    )
