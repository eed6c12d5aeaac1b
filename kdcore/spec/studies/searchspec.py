"""What a search asks: which values of a job spec may be tried, and how many trials there are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import prod
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from kdcore.spec.base import Problem, Strict, pointer

TRIALS_MAX = 200
_TEACHER = "is the same for all trials, and trained once: compare teachers with kind: teacher-ranking, or in arms"
_DATASET = "has to be the same for all trials: scores of different data say nothing of each other"
CLOSED = {
    "/training/seed": "is said in seeds: all trials have the same ones",
    "/teacher": _TEACHER,
    "/dataset": _DATASET,
    "/name": "is the study's",
}
"""What no search goes over, and why."""

Seed = Annotated[int, Field(ge=0, lt=2**31)]
Pointer = Annotated[str, Field(pattern=r"^(/([^/~]|~[01])+)+$", max_length=200)]


def _as_written(value: Any, handler: ValidatorFunctionWrapHandler) -> float:
    """A number that stays an integer where one is written: a range from 1 to 8 is not one from 1.0 to 8.0."""
    found: float = handler(value)
    return value if isinstance(value, int) else found


Bound = Annotated[float, Field(ge=-1e15, le=1e15), WrapValidator(_as_written)]


class Range(Strict):
    """Numbers between two bounds, both of which may be tried; whole ones where all that is said is whole.

    Attributes:
        low, high: the bounds.
        log: as likely between 0.001 and 0.01 as between 0.01 and 0.1.
        step: only every so many, from ``low``.
    """

    low: Bound
    high: Bound
    log: bool = False
    step: Bound | None = None

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low is {self.low:g} and high is {self.high:g}: high has to be greater")
        if self.log and self.low <= 0:
            raise ValueError(
                f"low is {self.low:g}, and with log it has to be greater than 0: raise it, or leave log out"
            )
        if self.step is not None:
            self._check_step(self.step)
        return self

    def _check_step(self, step: float) -> None:
        if self.log:
            raise ValueError("step and log exclude each other: leave one of them out")
        if step <= 0:
            raise ValueError(f"step is {step:g}, and has to be greater than 0")
        low, high, size = (Decimal(str(value)) for value in (self.low, self.high, step))
        reached = low + (high - low) // size * size
        if reached != high:
            rest = f"say high: {reached + size}" if reached == low else f"say high: {reached} or {reached + size}"
            raise ValueError(f"steps of {step:g} from {self.low:g} do not reach {self.high:g}: {rest}")

    @property
    def whole(self) -> bool:
        """Whether its values are integers."""
        return all(isinstance(value, int) for value in (self.low, self.high, self.step) if value is not None)

    @property
    def size(self) -> int | None:
        """How many values there are; None where nobody counts them."""
        if self.step is None and not self.whole:
            return None
        low, high, step = (Decimal(str(value)) for value in (self.low, self.high, self.step or 1))
        return int((high - low) / step) + 1

    @property
    def ends(self) -> tuple[tuple[str, float], ...]:
        """The values that say whether all of them can run, by their places."""
        return ("/low", self.low), ("/high", self.high)


class Choices(Strict):
    """Values that have no order.

    Attributes:
        choices: any JSON, each once.
    """

    choices: Annotated[tuple[Any, ...], Field(max_length=20)]

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        if len(self.choices) < 2:
            raise ValueError("fewer than two choices are nothing to search: add some, or write the value into the base")
        known = [key(value) for value in self.choices]
        twice = [value for value in known if known.count(value) > 1]
        if twice:
            raise ValueError(f"{twice[0]} stands among the choices twice: leave one out")
        return self

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.choices)

    @property
    def ends(self) -> tuple[tuple[str, Any], ...]:
        """All of them, by their places."""
        return tuple((pointer("choices", number), value) for number, value in enumerate(self.choices))


def key(value: Any) -> str:
    """What makes a JSON value another one: ``1`` is not ``true``."""
    return json.dumps(value, sort_keys=True)


def _kind(value: Any) -> str:
    return "Choices" if isinstance(value, Choices) or (isinstance(value, Mapping) and "choices" in value) else "Range"


Space = Annotated[Annotated[Range, Tag("Range")] | Annotated[Choices, Tag("Choices")], Discriminator(_kind)]


class Search(Strict):
    """Look for the best values instead of trying all of them.

    Attributes:
        over: what may be tried, by JSON pointer into the base.
        trials: how many combinations are tried, each with every seed.
        together: how many of them are chosen, and run, at once; the next ones know what these came to.
        sampler: ``tpe`` learns from the trials before, ``random`` does not.
        seed: of the sampler.
    """

    over: Annotated[dict[Pointer, Space], Field(min_length=1, max_length=10)]
    trials: int = Field(default=20, ge=1, le=TRIALS_MAX)
    together: int = Field(default=4, ge=1, le=TRIALS_MAX)
    sampler: Literal["tpe", "random"] = "tpe"
    seed: Seed = 0

    @property
    def size(self) -> int | None:
        """How many combinations there are; None where nobody counts them."""
        sizes = [space.size for space in self.over.values()]
        return None if None in sizes else prod(size for size in sizes if size is not None)

    def faults(self) -> Iterator[Problem]:
        """What no single field says."""
        for at in self.over:
            place = pointer("search", "over", at)
            closed = [why for known, why in CLOSED.items() if at == known or at.startswith(known + "/")]
            if closed:
                yield Problem(pointer=place, code="not_searchable", message=f"{at} {closed[0]}")
            inside = [other for other in self.over if at.startswith(other + "/")]
            if inside:
                message = f"{at} lies in {inside[0]}, which is searched, too: leave one of them out"
                yield Problem(pointer=place, code="overlapping", message=message)
        if self.trials < self.together:
            message = f"{self.together} together are more than {self.trials} trials: say {self.trials} or fewer"
            yield Problem(pointer="/search/together", code="invalid_value", message=message)
        if self.size is not None and self.size < self.trials:
            message = (
                f"there are {self.size} combinations, and {self.trials} trials: say {self.size} or fewer, or a grid"
            )
            yield Problem(pointer="/search/trials", code="too_many_trials", message=message)
