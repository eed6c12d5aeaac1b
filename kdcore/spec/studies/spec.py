"""A study spec: one job spec, what is changed about it, and how often each change is tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from kdcore.spec.base import JobName, SpecError, Strict, problems_of
from kdcore.spec.studies.searchspec import TRIALS_MAX, Choices, Pointer, Range, Search, Seed

ARMS_MAX, SEEDS_MAX, VALUES_MAX = TRIALS_MAX, 100, 200
FREE_JOBS = 20
"""A study of more jobs than this has to say how many it may have."""

ArmName = Annotated[JobName, Field(pattern=r"^[^:\s][^:]*$")]
Values = Annotated[tuple[Any, ...], Field(min_length=1, max_length=VALUES_MAX)]


class Arm(Strict):
    """One answer to the question.

    Attributes:
        name: what it is called in the table; no colon.
        changes: a JSON merge patch (RFC 7396) of the base: null leaves a field out.
    """

    name: ArmName
    changes: dict[str, Any] = {}


class Budget(Strict):
    """What a study may cost.

    Attributes:
        jobs_at_most: a study that is larger is refused; asked for beyond 20 jobs.
        device_hours: no job is begun that would take the hours of all jobs beyond it; what has begun is finished.
    """

    jobs_at_most: int | None = Field(default=None, ge=1, le=ARMS_MAX * SEEDS_MAX)
    device_hours: float | None = Field(default=None, gt=0, le=1e6)


class StopEarly(Strict):
    """Give up what cannot win: successive halving (Jamieson and Talwalkar 2016, figure 1), with seeds as the resource.

    After ``first`` seeds, and then at ``factor`` times as many each time, the best ``1/factor`` of the arms go on. They
    are ranked by their mean on the validation split: the test split is for the table alone. The reference always goes
    on.

    Attributes:
        kind: the only one there is.
        factor: of the arms and of the seeds.
        first: seeds of all arms before anything is given up.
    """

    kind: Literal["successive_halving"] = "successive_halving"
    factor: int = Field(default=3, ge=2, le=20)
    first: int = Field(default=1, ge=1, le=SEEDS_MAX)


class Asked(Strict):
    """What every kind of study says.

    Attributes:
        name: shown everywhere; need not be unique.
        question: in the words of who asks.
        base: a job spec; its name may be left out.
        seeds: how many, or which; every arm has the same, so that they can be compared in pairs.
        budget: see there.
    """

    name: JobName
    question: str = Field(default="", max_length=2000)
    base: dict[str, Any]
    seeds: Annotated[int, Field(ge=1, le=SEEDS_MAX)] | Annotated[tuple[Seed, ...], Field(max_length=SEEDS_MAX)] = 3
    budget: Budget = Budget()

    @model_validator(mode="after")
    def _seeds_are_different(self) -> Self:
        if isinstance(self.seeds, tuple) and (not self.seeds or len(set(self.seeds)) < len(self.seeds)):
            raise ValueError("seeds is a number, or a list of different seeds")
        return self

    @property
    def seed_list(self) -> tuple[int, ...]:
        """The seeds of every arm; a number counts up from the base's own."""
        if isinstance(self.seeds, tuple):
            return self.seeds
        training = self.base.get("training")
        first = training.get("seed", 0) if isinstance(training, Mapping) else 0
        return tuple(range(first, first + self.seeds)) if isinstance(first, int) else tuple(range(self.seeds))


class StudySpec(Asked):
    """What a comparison asks. Unknown fields are refused; what is left out has the default shown.

    Attributes:
        kind: what the study is for.
        arms: named changes of the base; the base alone when neither arms nor a grid are given.
        grid: values by JSON pointer into the base; every combination is tried, of each arm where there are arms, too.
        search: instead of both: values are chosen one after the other, by what the ones before came to.
        reference: the arm that the others are compared with; the first when left out.
        share_teacher: train a teacher with ``train`` once, in a job of its own, for all arms that have the same.
        stop_early: see there.
    """

    kind: Literal["comparison"] = "comparison"
    arms: tuple[Arm, ...] = Field(default=(), max_length=ARMS_MAX)
    grid: dict[Pointer, Values] = Field(default={}, max_length=20)
    search: Search | None = None
    reference: ArmName | None = None
    share_teacher: bool = True
    stop_early: StopEarly | None = None

    @model_validator(mode="after")
    def _names_are_different(self) -> Self:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"two arms are called {twice!r}: give each a name of its own")
        return self


def parse_study(data: Mapping[str, Any]) -> StudySpec:
    """A validated study spec from decoded JSON or YAML; the job specs in it are looked at when it is planned.

    Raises:
        SpecError: every fault found, with a JSON pointer each.
    """
    try:
        return StudySpec.model_validate(data)
    except ValidationError as error:
        raise SpecError(problems_of(error, FIELDS)) from None


FIELDS = sorted(
    {name for model in (StudySpec, Arm, Budget, StopEarly, Search, Range, Choices) for name in model.model_fields}
)
