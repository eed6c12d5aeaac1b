"""Which teacher teaches best: short runs of one student with each, ranked, with what the gap between them says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from kdcore.spec.base import Problem, SpecError, pointer
from kdcore.spec.plan import TEACHER, Plan
from kdcore.spec.studies.pilotspec import Share
from kdcore.spec.studies.plan import Planner, StudyPlan, job_document, plan_study
from kdcore.spec.studies.short import moved, share_faults, shortened
from kdcore.spec.studies.spec import Arm, ArmName, Asked, StudySpec

Json = dict[str, Any]
FEWEST_TEACHERS, MOST_TEACHERS = 2, 10


class RankingSpec(Asked):
    """What a ranking of teachers asks: which of them teaches this student best? Unknown fields are refused.

    Attributes:
        kind: that it is a ranking of teachers.
        base: the job spec, without a teacher.
        teachers: what would be ``teacher`` in a job spec, each with a ``name`` of its own; without one it is called by
            its architecture, its id, or ``trees``.
        share: how short the runs are.
    """

    kind: Literal["teacher-ranking"]
    teachers: Annotated[tuple[dict[str, Any], ...], Field(max_length=MOST_TEACHERS)]
    share: Share = Share(data=1)


class RankingPlan(StudyPlan):
    """A ranking of teachers: each is an arm.

    Attributes:
        share: how short its runs are.
        sizes: parameters of each arm's teacher; 0 where nobody can count them.
    """

    share: Share
    sizes: dict[str, int]


def plan_ranking(spec: RankingSpec, planner: Planner) -> RankingPlan:
    """The plan of a ranking: an arm for each teacher, with short runs.

    Raises:
        SpecError: every fault that can be known before it runs.
    """
    if found := list(_faults(spec)):
        raise SpecError(found)
    wholes = _planned(spec, planner)
    if found := list(share_faults(wholes[0], spec.share)):
        raise SpecError(found)
    full = plan_study(_comparison(spec, spec.base), planner)
    try:
        short = plan_study(_comparison(spec, shortened(spec.base, wholes[0], spec.share)), planner)
    except SpecError as error:
        raise moved(error) from None
    sizes = {arm.name: whole.networks[TEACHER].parameters for arm, whole in zip(full.arms, wholes, strict=True)}
    return RankingPlan(**dict(short) | {"teachers": full.teachers}, share=spec.share, sizes=sizes)


def name_of(teacher: Mapping[str, Any]) -> str | None:
    """What a teacher is called; None where nothing says it."""
    if "name" in teacher:
        return str(teacher["name"])
    return next((str(teacher[key]) for key in ("architecture", "id") if teacher.get(key)), None) or (
        "trees" if teacher.get("trees") is not None else None
    )


def _faults(spec: RankingSpec) -> Iterator[Problem]:
    if spec.base.get(TEACHER) is not None:
        message = "the teachers are said in teachers: leave it out of the base"
        yield Problem(pointer="/base/teacher", code="teacher_twice", message=message)
    if len(spec.teachers) < FEWEST_TEACHERS:
        count = "1 teacher is" if spec.teachers else "no teachers are"
        message = f"{count} nothing to rank: name {FEWEST_TEACHERS} to {MOST_TEACHERS}"
        yield Problem(pointer="/teachers", code="too_few_teachers", message=message)
    names: list[str] = []
    for number, teacher in enumerate(spec.teachers):
        name, at = name_of(teacher), pointer("teachers", number)
        if name is None:
            message = "name the teacher's architecture, a model of the project by its id, or trees"
            yield Problem(pointer=at, code="invalid_value", message=message)
        elif not _is_name(name):
            message = f"a name has 1 to 120 characters and no colon (got {name[:40]!r})"
            yield Problem(pointer=at + "/name", code="invalid_value", message=message)
        elif name in names:
            first = names.index(name)
            message = f"teachers {first} and {number} are both called {name!r}: give each a name of its own"
            yield Problem(pointer=at + "/name", code="same_name", message=message)
        names.append(name or "")


def _is_name(name: str) -> bool:
    try:
        return bool(_NAME.validate_python(name))
    except ValidationError:
        return False


_NAME: TypeAdapter[str] = TypeAdapter(ArmName)


def _teacher(teacher: Mapping[str, Any]) -> Json:
    """A teacher as a job spec has it; one that does not pass its gate is refused, unless it says otherwise."""
    own = {key: value for key, value in teacher.items() if key != "name"}
    gate = own.get("gate", {})
    return own | {"gate": {"action": "refuse", **gate} if isinstance(gate, Mapping) else gate}


def _comparison(spec: RankingSpec, base: Json) -> StudySpec:
    arms = [Arm(name=name_of(one) or "", changes={TEACHER: _teacher(one)}) for one in spec.teachers]
    asked = {"name": spec.name, "question": spec.question, "base": base, "budget": spec.budget, "seeds": spec.seeds}
    return StudySpec(**asked, arms=arms)


def _document(spec: RankingSpec, number: int) -> Json:
    """The job spec of a teacher as it would be without being short."""
    return job_document({**spec.base, TEACHER: _teacher(spec.teachers[number]), "name": spec.name})


def _planned(spec: RankingSpec, planner: Planner) -> list[Plan]:
    """The whole job of each teacher.

    Raises:
        SpecError: every fault, where the study spec says the teacher or the base.
    """
    plans: list[Plan] = []
    problems: dict[tuple[str, str], Problem] = {}
    for number in range(len(spec.teachers)):
        try:
            plans.append(planner(_document(spec, number)))
        except SpecError as error:
            for problem in error.problems:
                place = _place(problem.pointer, number)
                problems.setdefault((place, problem.code), problem.model_copy(update={"pointer": place}))
    if problems:
        raise SpecError(problems.values())
    return plans


def _place(at: str, number: int) -> str:
    """Where the study spec says what a job spec has at a pointer."""
    own = pointer(TEACHER)
    if at == own or at.startswith(own + "/"):
        return pointer("teachers", number) + at.removeprefix(own)
    return pointer("base") + at
