"""From a study spec to its plan, with what users brought looked up in their project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.errors import Fault, Refused
from api.planning import looked_up
from kdcore.spec import Plan, Problem, SpecError
from kdcore.spec.studies.kinds import AnySpec, parse_any, plan_any
from kdcore.spec.studies.plan import StudyPlan
from store.database import Database


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


def refused(problems: list[Problem]) -> Refused:
    """The refusal of a study."""
    faults = [Fault(pointer=p.pointer, code=p.code, detail=p.message) for p in problems]
    return Refused("invalid_spec", "; ".join(f"{p.pointer or '/'}: {p.message}" for p in problems), errors=faults)
