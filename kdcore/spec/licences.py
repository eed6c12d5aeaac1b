"""What the licences of teacher and data say about handing out a student, by SPDX ids and common names.

This reads names of licences, not their texts: it stops what is plainly forbidden and says what it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from kdcore.spec.base import Problem, Strict
from kdcore.spec.brought import Brought
from kdcore.spec.cards import LicenceCard, ModelCard
from kdcore.spec.datasets import DATASETS
from kdcore.spec.job import JobSpec

Derivatives = Literal["allowed", "forbidden", "unknown"]

TEACHER, DATASET = "teacher", "dataset"

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
        via: models that were made of it and lead to this job, the first made first; empty where it was named itself.
        permission: who allows the student all the same, where the licence forbids derivatives.
    """

    of: str
    name: str
    licence: str | None
    derivatives: Derivatives
    notes: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    permission: str | None = None


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
    """Of the brought ``models``, by network, of what those that jobs left were made of, and of the dataset."""
    found = [(network, one) for network, card in models.items() for one in _of_model(card)]
    found += [(TEACHER, one) for one in _of_file(spec)]
    found += [(DATASET, _dataset(spec, brought))]
    return tuple(_planned(of, one, spec.permission) for of, one in found)


def _planned(of: str, one: LicenceCard, permission: str | None) -> LicencePlan:
    allows = derivatives(one.licence)
    return LicencePlan(
        of=of,
        name=one.name,
        licence=one.licence,
        derivatives=allows,
        notes=notes(one.licence),
        via=one.via,
        permission=permission if allows == "forbidden" else None,
    )


def _of_model(card: ModelCard) -> Iterator[LicenceCard]:
    """Its own licence; a student that a job left stands under those of what it was made of, too."""
    if card.licence is not None or not card.made_under:
        yield LicenceCard(name=card.name, licence=card.licence)
    for one in card.made_under:
        yield one.model_copy(update={"via": (*one.via, card.name)})


def _of_file(spec: JobSpec) -> Iterator[LicenceCard]:
    """Of weights on the user's own disk nobody stated one."""
    if spec.teacher is not None and spec.teacher.weights is not None:
        yield LicenceCard(name=spec.teacher.architecture or "", licence=None)


def _dataset(spec: JobSpec, brought: Brought) -> LicenceCard:
    key, name = spec.dataset.key, spec.dataset.name or ""
    found = DATASETS[name] if key is None else brought.datasets[key].card
    return LicenceCard(name=found.name, licence=found.licence)


def licence_faults(spec: JobSpec, found: tuple[LicencePlan, ...]) -> Iterator[Problem]:
    """Licences that forbid derivatives, unless the spec says by whose permission the student is made."""
    for one in found:
        if one.derivatives == "forbidden" and spec.permission is None:
            message = (
                f"the licence of {told(one)}, {one.licence!r}, forbids handing out what is made from it: take another "
                f"{one.of}, or say in 'permission' who allows it"
            )
            yield Problem(pointer=f"/{one.of}", code="licence_forbids", message=message)


def licence_gaps(found: tuple[LicencePlan, ...]) -> Iterator[tuple[str, str]]:
    """Where a licence is not known, by pointer, and what to do about it."""
    for one in found:
        if one.derivatives == "unknown":
            stated = "nobody stated the licence" if one.licence is None else f"{one.licence!r} is no known licence"
            yield (
                f"/{one.of}",
                f"{stated} of {told(one)}, of which the student is made: state it where that was brought, and have it "
                "cleared before the student is handed out",
            )


def told(one: LicencePlan) -> str:
    """Whose licence it is: ``'faces' (through 'small')``."""
    through = ", ".join(map(repr, one.via))
    return f"{one.name!r} (through {through})" if through else repr(one.name)
