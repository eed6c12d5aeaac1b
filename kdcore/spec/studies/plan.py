"""A study plan: every arm with its job spec and cost, seen by the user before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from kdcore.spec.base import Problem, SpecError, Strict, pointer, suggestion
from kdcore.spec.estimate import estimate
from kdcore.spec.plan import STUDENT, TEACHER, Estimate, MetricPlan, Plan, PlanWarning
from kdcore.spec.studies.comparing import apart, other_data
from kdcore.spec.studies.expanding import Written, expanded
from kdcore.spec.studies.rounds import jobs_of, rounds_of
from kdcore.spec.studies.spec import FREE_JOBS, Budget, StopEarly, StudySpec
from kdcore.spec.studies.suggesting import first_trials, probes
from kdcore.spec.studies.teachers import SharedTeacher, shared_teachers

Json = dict[str, Any]
Planner = Callable[[Json], Plan]
SEED = "/training/seed"


class ArmPlan(Strict):
    """An arm as it will run.

    Attributes:
        changes: what makes it different, by JSON pointer into the job spec.
        spec: its job spec; each job adds the name and the seed, and the model in the place of a shared teacher.
        teacher: name of the shared teacher that it waits for.
        apart: why it cannot be compared with the reference in pairs; empty where it can.
        parameters: of the student.
        seconds, steps: of one job, estimated, without a shared teacher's training.
    """

    name: str
    changes: Json
    spec: Json
    method: str
    student: str
    teacher: str | None = None
    apart: tuple[str, ...] = ()
    parameters: int
    seconds: float
    steps: int = 0


class TeacherPlan(SharedTeacher):
    """A shared teacher.

    Attributes:
        seconds: of its job, estimated.
    """

    seconds: float


class Skipped(Strict):
    """A trial that could not be planned.

    Attributes:
        name: it would have had.
        changes: its values, by JSON pointer into the job spec.
        reason: what stood in the way.
    """

    name: str
    changes: Json
    reason: str


class Trials(Strict):
    """How far a search is: its arms are the trials that have been chosen.

    Attributes:
        count: how many there will be.
        together: how many are chosen at once.
        skipped: those that could not be planned; they count as trials that failed.
    """

    count: int
    together: int
    skipped: tuple[Skipped, ...] = ()


class StudyPlan(Strict):
    """Everything that is decided before a study begins.

    Attributes:
        reference: the arm that the others are compared with.
        rounds: how many of the seeds each round ends at; more than one where arms may be given up between them.
        search: of a search how far it is; its arms grow in number.
        jobs: how many there are, if none is given up for another reason than its round's rank.
        seconds: of all of them, estimated; ``assumes`` says on what.
    """

    name: str
    dataset: str
    metric: MetricPlan
    reference: str
    seeds: tuple[int, ...]
    teachers: tuple[TeacherPlan, ...]
    arms: tuple[ArmPlan, ...]
    rounds: tuple[int, ...]
    budget: Budget
    stop_early: StopEarly | None
    search: Trials | None = None
    jobs: int
    seconds: float
    assumes: str
    warnings: tuple[PlanWarning, ...] = ()

    def arm(self, name: str) -> ArmPlan:
        """The arm of this name."""
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def size(self) -> int:
        """How many arms there will be."""
        return len(self.arms) if self.search is None else self.search.count

    def document(self) -> Json:
        """The plan as JSON-ready data."""
        return self.model_dump(mode="json", by_alias=True)


def plan_study(spec: StudySpec, planner: Planner) -> StudyPlan:
    """The plan of a study, with every arm planned as a job.

    Args:
        planner: the plan of a job spec; raises ``SpecError`` for one that cannot run.

    Raises:
        SpecError: every fault, pointed at where the study spec has it.
    """
    written = expanded(spec) if spec.search is None else first_trials(spec, spec.search)
    if spec.search is not None and (found := _planned(spec, probes(spec, spec.search, written[0]), planner)[1]):
        raise SpecError(found)
    plans, problems = _planned(spec, written, planner)
    problems = [*_reference_faults(spec, written), *_seed_faults(written), *problems]
    if problems:
        raise SpecError(problems)
    reference = written[0].name if spec.reference is None else spec.reference
    _check_data(written, plans, reference)
    teachers, which = shared_teachers(spec.name, spec.base, written) if spec.share_teacher else ((), {})
    trained = tuple(
        TeacherPlan(**dict(one), seconds=_plan(one.spec, planner).estimate.train_seconds) for one in teachers
    )
    arms = tuple(arm_plan(arm, plans[arm.name], plans[reference], which.get(arm.name)) for arm in written)
    return _whole(spec, reference, arms, trained, plans[reference])


def arm_plan(arm: Written, plan: Plan, reference: Plan, teacher: str | None) -> ArmPlan:
    """An arm with its plan as a job.

    Args:
        teacher: the shared one that it waits for.
    """
    cost = _cost(plan, shared=teacher is not None)
    return ArmPlan(
        name=arm.name,
        changes=arm.changes,
        spec=arm.spec,
        method=plan.method,
        student=plan.networks[STUDENT].architecture,
        teacher=teacher,
        apart=tuple(apart(plan, reference)),
        parameters=plan.networks[STUDENT].parameters,
        seconds=cost.train_seconds,
        steps=cost.steps,
    )


def _whole(
    spec: StudySpec, reference: str, arms: tuple[ArmPlan, ...], teachers: tuple[TeacherPlan, ...], plan: Plan
) -> StudyPlan:
    seeds = spec.seed_list
    rounds = rounds_of(len(seeds), spec.stop_early)
    search = None if spec.search is None else Trials(count=spec.search.trials, together=spec.search.together)
    jobs = jobs_of(len(arms) if search is None else search.count, rounds, spec.stop_early)
    mean = sum(arm.seconds for arm in arms) / len(arms)
    seconds = sum(one.seconds for one in teachers) + jobs * mean
    return StudyPlan(
        name=spec.name,
        dataset=plan.dataset.name,
        metric=plan.metric,
        reference=reference,
        seeds=seeds,
        teachers=teachers,
        arms=arms,
        rounds=rounds,
        budget=spec.budget,
        stop_early=spec.stop_early,
        search=search,
        jobs=jobs + len(teachers),
        seconds=round(seconds, 1),
        assumes=plan.estimate.assumes,
        warnings=tuple(_warnings(spec, arms, seconds, len(seeds))),
    )


def budget_faults(plan: StudyPlan) -> Iterator[Problem]:
    """Why a study is too large to be begun as it is."""
    most, at = plan.budget.jobs_at_most, "/budget/jobs_at_most"
    what, fewer = ("arm", "arms, values") if plan.search is None else ("trial", "trials")
    sizes = f"{_counted(plan.size, what)}, {_counted(len(plan.seeds), 'seed')}"
    told = f"this study is {plan.jobs:,} jobs ({sizes}), about {_hours(plan)}"
    if most is None and plan.jobs > FREE_JOBS:
        message = f"{told}: say budget: {{jobs_at_most: {plan.jobs}}} to have it so, or leave {fewer} or seeds out"
        yield Problem(pointer=at, code="cap_needed", message=message)
    elif most is not None and plan.jobs > most:
        message = f"{told}, and {most} are allowed: raise jobs_at_most, or leave {fewer} or seeds out"
        yield Problem(pointer=at, code="too_many_jobs", message=message)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _hours(plan: StudyPlan) -> str:
    return f"{plan.seconds / 3600:.1f} h" if plan.seconds >= 3600 else f"{plan.seconds / 60:.0f} min"


def _reference_faults(spec: StudySpec, written: Sequence[Written]) -> Iterator[Problem]:
    names = [arm.name for arm in written]
    if spec.reference is not None and spec.reference not in names:
        message = f"no arm is called {spec.reference!r}; {suggestion(spec.reference, names)}"
        yield Problem(pointer="/reference", code="unknown_arm", message=message)


def _seed_faults(written: Sequence[Written]) -> list[Problem]:
    """Every job gets its seed from ``seeds``: one that is set elsewhere would mean nothing."""
    faults = [
        Problem(pointer=arm.places[SEED], code="seed_of_study", message="say which seeds in seeds: all arms have them")
        for arm in written
        if SEED in arm.places
    ]
    return faults[:1]


def _planned(spec: StudySpec, written: Sequence[Written], planner: Planner) -> tuple[dict[str, Plan], list[Problem]]:
    """The plan of each arm, and what stands in the way of one, each fault once."""
    plans: dict[str, Plan] = {}
    problems: dict[tuple[str, str], Problem] = {}
    for arm in written:
        try:
            plans[arm.name] = plan_of(arm, spec.name, planner)
        except SpecError as error:
            for problem in error.problems:
                place = arm.place(problem.pointer)
                where = "" if len(written) == 1 else f" (arm {arm.name!r})"
                found = Problem(pointer=place, code=problem.code, message=problem.message + where)
                problems.setdefault((place, problem.code), found)
    return plans, list(problems.values())


def plan_of(arm: Written, name: str, planner: Planner) -> Plan:
    """The plan of an arm's job.

    Args:
        name: of the study.

    Raises:
        SpecError: it cannot run.
    """
    return _plan(arm.spec | {"name": name}, planner)


def _plan(spec: Mapping[str, Any], planner: Planner) -> Plan:
    return planner(job_document(spec))


def job_document(spec: Mapping[str, Any], **told: Any) -> Json:
    """The job spec of an arm as it is submitted: an arm's baseline is another arm, unless the spec says otherwise."""
    return {"baseline": False, **spec, **told}


def _check_data(written: Sequence[Written], plans: Mapping[str, Plan], reference: str) -> None:
    faults = [
        Problem(pointer=arm.place("/dataset"), code="another_dataset", message=f"{why} (arm {arm.name!r})")
        for arm in written
        if (why := other_data(plans[arm.name], plans[reference])) is not None
    ]
    if faults:
        raise SpecError(faults)


def _cost(plan: Plan, *, shared: bool) -> Estimate:
    """Of a job whose teacher is there already, where it is shared."""
    if not shared:
        return plan.estimate
    runs = [run for run in plan.runs if run.name != TEACHER]
    kept = list(chain.from_iterable(plan.kept))
    return estimate(plan.networks, runs, kept, plan.spec.resources.device)


def _warnings(spec: StudySpec, arms: Sequence[ArmPlan], seconds: float, seeds: int) -> Iterator[PlanWarning]:
    if seeds < 3:
        given = "1 seed gives" if seeds == 1 else f"{seeds} seeds give"
        message = f"{given} no interval: three are the least, five are usual"
        yield PlanWarning(code="few_seeds", pointer="/seeds", message=message)
    for arm in arms:
        if arm.apart:
            message = f"arm {arm.name!r} is not compared with the reference: {'; '.join(arm.apart)}"
            yield PlanWarning(code="not_comparable", pointer=pointer("arms"), message=message)
    cap = spec.budget.device_hours
    if cap is not None and seconds > cap * 3600:
        message = f"about {seconds / 3600:.2g} h are needed and {cap:g} allowed: the last jobs may not be begun"
        yield PlanWarning(code="over_budget", pointer="/budget/device_hours", message=message)
