"""The table of a study from its rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from api.study_stages import is_teacher, plan_now, rows_of, stage_of
from kdcore.spec.studies.pilots import PILOT
from kdcore.spec.studies.plan import StudyPlan
from kdcore.spec.studies.ranking import RankingPlan
from kdcore.spec.studies.results import results
from kdcore.spec.studies.standings import standings
from store.models import Study, StudyRun
from store.studies import FINAL, TEACHER

Json = dict[str, Any]


def table(study: Study, runs: Iterable[StudyRun], plan: StudyPlan | None = None) -> Json:
    """Everything that a stage of the study has shown so far.

    Args:
        plan: of the stage; of the present one when left out.
    """
    found, rows = plan or plan_now(study), list(runs)
    of_arms = rows_of(found, rows)
    return {
        "study_id": study.id,
        "kind": study.kind,
        "name": study.name,
        "question": study.question,
        "status": study.status,
        "stage": stage_of(study) if plan is None else PILOT,
        "teachers": teachers_of(rows),
        "ranking": standings(found, of_arms) if isinstance(found, RankingPlan) else None,
        **results(found, of_arms, study.stopped, ended=study.status in FINAL),
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
        if is_teacher(run)
    ]
