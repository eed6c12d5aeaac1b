"""From a study spec to its plan, with what users brought looked up in their project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from api.errors import Fault, Refused
from api.planning import looked_up
from api.study_stages import rows_of
from kdcore.spec import Plan, Problem, SpecError
from kdcore.spec.studies.kinds import AnySpec, parse_any, plan_any
from kdcore.spec.studies.plan import StudyPlan
from kdcore.spec.studies.spec import parse_study
from kdcore.spec.studies.trials import grown, means, trials_left
from store.database import Database
from store.models import JobState, Study, StudyRun


def planned_study(database: Database, project_id: str, body: Mapping[str, Any]) -> tuple[AnySpec, StudyPlan]:
    """A study spec and its plan.

    Raises:
        Refused: every fault that was found, with its pointer.
    """

    def planner(spec: dict[str, Any]) -> Plan:
        return looked_up(database, project_id, spec)[0]

    try:
        spec = parse_any(body)
        return spec, plan_any(spec, planner)
    except SpecError as error:
        raise refused(error.problems) from None


def next_trials(database: Database, study: Study, plan: StudyPlan, runs: Iterable[StudyRun]) -> StudyPlan | None:
    """The plan of a search with its next trials; None where all have been chosen, or the study searches nothing."""
    if not trials_left(plan):
        return None

    def planner(spec: dict[str, Any]) -> Plan:
        return looked_up(database, study.project_id, spec)[0]

    scores = means((row.arm, row.validation) for row in rows_of(plan, runs) if row.status == JobState.SUCCEEDED)
    return grown(parse_study(study.spec), plan, scores, planner)


def refused(problems: list[Problem]) -> Refused:
    """The refusal of a study."""
    faults = [Fault(pointer=p.pointer, code=p.code, detail=p.message) for p in problems]
    return Refused("invalid_spec", "; ".join(f"{p.pointer or '/'}: {p.message}" for p in problems), errors=faults)
