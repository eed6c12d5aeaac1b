"""The kinds of studies: what each is asked, and how its plan is made and read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from pydantic import ValidationError

from kdcore.spec.base import Problem, SpecError, problems_of, suggestion
from kdcore.spec.studies.pilots import PilotPlan, plan_pilot
from kdcore.spec.studies.pilotspec import KeepAs, PilotSpec, Share
from kdcore.spec.studies.plan import Planner, StudyPlan, plan_study
from kdcore.spec.studies.ranking import RankingPlan, RankingSpec, plan_ranking
from kdcore.spec.studies.searchspec import Choices, Range, Search
from kdcore.spec.studies.spec import Arm, Budget, StopEarly, StudySpec

COMPARISON, PILOT, RANKING = "comparison", "pilot", "teacher-ranking"
AnySpec = StudySpec | PilotSpec | RankingSpec
SPECS: dict[str, type[AnySpec]] = {COMPARISON: StudySpec, PILOT: PilotSpec, RANKING: RankingSpec}
PLANS: dict[str, type[StudyPlan]] = {COMPARISON: StudyPlan, PILOT: PilotPlan, RANKING: RankingPlan}


def parse_any(data: Mapping[str, Any]) -> AnySpec:
    """A validated study spec of any kind from decoded JSON or YAML.

    Raises:
        SpecError: every fault found, with a JSON pointer each.
    """
    kind = data.get("kind", COMPARISON)
    if not isinstance(kind, str) or kind not in SPECS:
        message = f"no study is of kind {kind!r}; {suggestion(str(kind), SPECS)}"
        raise SpecError([Problem(pointer="/kind", code="unknown_kind", message=message)])
    try:
        return SPECS[kind].model_validate(data)
    except ValidationError as error:
        raise SpecError(problems_of(error, _FIELDS)) from None


def plan_any(spec: AnySpec, planner: Planner) -> StudyPlan:
    """The plan of a study of any kind.

    Raises:
        SpecError: every fault, pointed at where the study spec has it.
    """
    match spec:
        case PilotSpec():
            return plan_pilot(spec, planner)
        case RankingSpec():
            return plan_ranking(spec, planner)
        case StudySpec():
            return plan_study(spec, planner)
        case _:
            assert_never(spec)


def read_plan(kind: str, document: Mapping[str, Any]) -> StudyPlan:
    """The plan of a study from its document."""
    return PLANS[kind].model_validate(document)


_MODELS = (
    StudySpec, PilotSpec, RankingSpec, Arm, Budget, StopEarly, Share, KeepAs, Search, Range, Choices,
)  # fmt: skip
_FIELDS = sorted({name for model in _MODELS for name in model.model_fields})
