"""The trials of a search as arms, with their names and where their values are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kdcore.spec.base import Problem, SpecError, pointer
from kdcore.spec.studies.expanding import Written, named, spelt_out, with_values
from kdcore.spec.studies.searching import Values, proposals
from kdcore.spec.studies.searchspec import Search
from kdcore.spec.studies.spec import StudySpec


def first_trials(spec: StudySpec, search: Search) -> tuple[Written, ...]:
    """What is tried before anything is known.

    Raises:
        SpecError: what cannot be searched, or goes with no search.
    """
    faults = [*_beside(spec), *search.faults()]
    if faults:
        raise SpecError(faults)
    return as_arms(spec, proposals(search, (), higher_is_better=True), 1)


def as_arms(spec: StudySpec, chosen: Sequence[Values], first: int) -> tuple[Written, ...]:
    """Trials, counted from ``first``.

    Raises:
        SpecError: a pointer leads nowhere.
    """
    return tuple(
        _written(spec, named([f"trial {number}"], {at: _short(value) for at, value in values.items()}), values, {})
        for number, values in enumerate(chosen, start=first)
    )


def probes(spec: StudySpec, search: Search, trial: Written) -> tuple[Written, ...]:
    """A trial with each bound and each choice in its turn: none is run, but each has to be one that could be."""
    return tuple(
        _written(spec, named(["a trial"], {at: value}), {**trial.changes, at: value}, {at: _place(at) + place})
        for at, space in search.over.items()
        for place, value in space.ends
    )


def _written(spec: StudySpec, name: str, values: Values, places: dict[str, str]) -> Written:
    document = with_values(spelt_out(spec.base), values, "search", "over")
    return Written(name, document, values, {at: _place(at) for at in values} | places)


def _place(at: str) -> str:
    """Where the study spec says what may be tried of a value."""
    return pointer("search", "over", at)


def _short(value: Any) -> Any:
    """As a name shows it: no more digits than tell two trials apart."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _beside(spec: StudySpec) -> Iterator[Problem]:
    """What a search takes the place of, or cannot go with."""
    for field, why in (
        ("grid", "a grid tries every combination, and a search chooses some: leave one of them out"),
        ("arms", "the trials are the arms: write what they share into the base"),
        ("stop_early", "it gives up arms between rounds, and a search has all seeds of a trial: leave one of them out"),
    ):
        if getattr(spec, field):
            yield Problem(pointer=pointer(field), code="beside_search", message=f"{field} beside search: {why}")
