"""What the licences of teacher and data say about handing out a student, by SPDX ids and common names.

This reads names of licences, not their texts: it stops what is plainly forbidden and says what it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from kdcore.spec.base import Problem, Strict
from kdcore.spec.brought import Brought
from kdcore.spec.cards import ModelCard
from kdcore.spec.datasets import DATASETS
from kdcore.spec.job import JobSpec

Derivatives = Literal["allowed", "forbidden", "unknown"]

_OPEN = re.compile(r"\b(mit|apache|bsd|isc|cc0|unlicense|gpl|lgpl|agpl|mpl|odbl|odc|pddl|public domain|cc[ -]?by)\b")
_FORBIDS = re.compile(r"\bnd\b|no[ -]?deriv|no derivatives")
_NOTES = {
    "non-commercial use only": re.compile(r"\bnc\b|non[ -]?commercial"),
    "what is derived keeps the same licence": re.compile(r"\bsa\b|share[ -]?alike|\b[al]?gpl\b|odbl"),
    "the source must be named": re.compile(r"\bcc[ -]?by\b|attribution"),
}


class LicencePlan(Strict):
    """A licence that the job works under.

    Attributes:
        of: the part of the job: ``teacher``, ``student`` (its initial weights) or ``dataset``.
        name: of that model or dataset.
        licence: as its owner states it.
        derivatives: whether it lets others hand out what is made from it.
        notes: what else its name says.
    """

    of: str
    name: str
    licence: str | None
    derivatives: Derivatives
    notes: tuple[str, ...] = ()


def derivatives(licence: str | None) -> Derivatives:
    """Whether a licence, by its SPDX id or usual name, lets others hand out what is made from the work."""
    text = (licence or "").lower().replace("_", "-")
    if _FORBIDS.search(text):
        return "forbidden"
    return "allowed" if _OPEN.search(text) else "unknown"


def notes(licence: str | None) -> tuple[str, ...]:
    """What else the name says."""
    text = (licence or "").lower().replace("_", "-")
    return tuple(note for note, pattern in _NOTES.items() if pattern.search(text))


def licences(spec: JobSpec, models: Mapping[str, ModelCard], brought: Brought) -> tuple[LicencePlan, ...]:
    """Of the brought ``models``, by network, and of the dataset."""
    found = [(network, card.name, card.licence) for network, card in models.items()]
    found += _dataset(spec, brought)
    return tuple(
        LicencePlan(of=of, name=name, licence=licence, derivatives=derivatives(licence), notes=notes(licence))
        for of, name, licence in found
    )


def _dataset(spec: JobSpec, brought: Brought) -> list[tuple[str, str, str | None]]:
    key, name = spec.dataset.key, spec.dataset.name or ""
    if key is not None:
        return [("dataset", brought.datasets[key].card.name, brought.datasets[key].card.licence)]
    return [("dataset", DATASETS[name].name, DATASETS[name].licence)]


def licence_faults(spec: JobSpec, found: tuple[LicencePlan, ...]) -> Iterator[Problem]:
    """Licences that forbid derivatives, unless the spec says by whose permission the student is made."""
    for one in found:
        if one.derivatives == "forbidden" and spec.permission is None:
            message = (
                f"the licence of {one.name!r}, {one.licence!r}, forbids handing out what is made from it: take another "
                f"{one.of}, or say in 'permission' who allows it"
            )
            yield Problem(pointer=f"/{one.of}", code="licence_forbids", message=message)
