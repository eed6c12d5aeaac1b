"""Which stage a study is in: most have one, a pilot has a second once a plan was approved."""

from __future__ import annotations

from collections.abc import Iterable

from kdcore.spec.studies.kinds import read_plan
from kdcore.spec.studies.pilots import PILOT, PilotPlan
from kdcore.spec.studies.plan import StudyPlan
from kdcore.spec.studies.results import Row
from store.models import Study, StudyRun
from store.pilots import approval_of
from store.studies import TEACHER


def whole_plan(study: Study) -> StudyPlan:
    """The plan that the study was begun with."""
    return read_plan(study.kind, study.plan)


def plan_now(study: Study) -> StudyPlan:
    """The plan of the stage that the study is in."""
    plan, approval = whole_plan(study), approval_of(study)
    return plan.plans[approval["plan"]] if approval is not None and isinstance(plan, PilotPlan) else plan


def stage_of(study: Study) -> str | None:
    """``pilot``, or the plan that was approved; None of a study that has no stages."""
    approval = approval_of(study)
    return (PILOT if approval is None else str(approval["plan"])) if study.kind == PILOT else None


def arms_of(plan: StudyPlan) -> set[str]:
    """The names of its arms."""
    return {arm.name for arm in plan.arms}


def rows_of(plan: StudyPlan, runs: Iterable[StudyRun]) -> list[Row]:
    """The rows of a plan's arms, none of shared teachers or other stages."""
    names = arms_of(plan)
    return [_row(run) for run in runs if run.arm in names]


def teacher_seconds(runs: Iterable[StudyRun]) -> float:
    """That the jobs of shared teachers have taken."""
    return sum(run.seconds or 0.0 for run in runs if is_teacher(run))


def is_teacher(run: StudyRun) -> bool:
    """Whether a row is a shared teacher's."""
    return run.arm.startswith(TEACHER)


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
