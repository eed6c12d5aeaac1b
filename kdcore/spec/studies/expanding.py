"""From a study spec to the job specs of its arms: changes and every combination of a grid."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from kdcore.spec.base import Problem, SpecError, pointer
from kdcore.spec.job import JobSpec
from kdcore.spec.patching import merged, parts_of, placed
from kdcore.spec.studies.spec import ARMS_MAX, Arm, StudySpec

Json = dict[str, Any]
BASE = Arm(name="base")
DEFAULT_METHOD = JobSpec.model_fields["method"].default.preset
_NAME = 120


@dataclass(frozen=True)
class Written:
    """An arm as it is written out.

    Attributes:
        name: of the arm.
        spec: its job spec, without a seed of its own.
        changes: its values by pointer, for the table.
        places: where in the study spec each pointer into the job spec was written, the nearest last.
    """

    name: str
    spec: Json
    changes: Json
    places: Mapping[str, str] = field(default_factory=dict)

    def place(self, at: str) -> str:
        """Where in the study spec a fault of the job spec was written.

        Args:
            at: JSON pointer into the job spec.
        """
        for known in sorted(self.places, key=len, reverse=True):
            if at == known or at.startswith(known + "/"):
                return self.places[known] + at.removeprefix(known)
        below = [place for known, place in self.places.items() if at and known.startswith(at + "/")]
        return below[0] if len(below) == 1 else pointer("base") + at


def expanded(spec: StudySpec) -> tuple[Written, ...]:
    """Every arm.

    Raises:
        SpecError: too many of them, or a grid's pointer leads nowhere.
    """
    count = max(1, len(spec.arms)) * prod(len(values) for values in spec.grid.values())
    if count > ARMS_MAX:
        message = f"this is {count:,} arms, and a study has {ARMS_MAX} at most: leave values out, or make several"
        raise SpecError([Problem(pointer="/grid" if spec.grid else "/arms", code="too_many_arms", message=message)])
    base = spelt_out(spec.base)
    arms = [
        _written(spec, base, number, arm, values)
        for number, arm in enumerate(spec.arms or (BASE,))
        for values in _combinations(spec.grid)
    ]
    _check_names(arms)
    return tuple(arms)


def spelt_out(base: Mapping[str, Any]) -> Json:
    """The base with its method as an object, so that changes of one option leave the others."""
    method = base.get("method", DEFAULT_METHOD)
    return dict(base) | ({"method": {"preset": method}} if isinstance(method, str) else {})


def _combinations(grid: Mapping[str, tuple[Any, ...]]) -> Iterator[Json]:
    return (dict(zip(grid, values, strict=True)) for values in product(*grid.values()))


def _written(spec: StudySpec, base: Json, number: int, arm: Arm, values: Json) -> Written:
    written = spelt_out(merged(base, arm.changes))
    places = {at: pointer("arms", number, "changes") + at for at, _ in leaves(arm.changes)}
    written = with_values(written, values, "grid")
    places |= {at: pointer("grid", at) + pointer(spec.grid[at].index(value)) for at, value in values.items()}
    told = dict(leaves(arm.changes)) | values
    return Written(_name(spec, arm, values), written, told, places)


def with_values(document: Json, values: Json, *told: str) -> Json:
    """A job spec with other values by pointer.

    Args:
        told: where in the study spec the pointers are written.

    Raises:
        SpecError: a pointer leads nowhere.
    """
    for at, value in values.items():
        try:
            document = placed(document, at, value)
        except LookupError as error:
            where = pointer(*told, at)
            raise SpecError([Problem(pointer=where, code="wrong_place", message=f"{at}: {error}")]) from None
    return document


def leaves(changes: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a merge patch with their pointers."""
    for name, value in changes.items():
        here = at + pointer(name)
        if isinstance(value, Mapping) and value:
            yield from leaves(value, here)
        else:
            yield here, value


def _name(spec: StudySpec, arm: Arm, values: Json) -> str:
    if not values:
        return arm.name
    return named([arm.name] if spec.arms else [], values)


def named(first: Sequence[str], values: Json) -> str:
    """The name of an arm that says its values."""
    lasts = Counter(parts_of(at)[-1] for at in values)
    told = [_told(at, value, short=lasts[parts_of(at)[-1]] == 1) for at, value in values.items()]
    return ", ".join([*first, *told])[:_NAME]


def _told(at: str, value: Any, *, short: bool) -> str:
    name = parts_of(at)[-1] if short else ".".join(parts_of(at))
    shown = value if isinstance(value, str) else json.dumps(value, separators=(",", "="))
    return f"{name}={shown}".replace(":", "=")


def _check_names(arms: list[Written]) -> None:
    twice = [name for name, count in Counter(arm.name for arm in arms).items() if count > 1]
    if twice:
        message = f"two combinations would be called {twice[0]!r}: write them as arms with names of their own"
        raise SpecError([Problem(pointer="/grid", code="same_name", message=message)])
