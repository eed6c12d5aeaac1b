"""A student within a budget: what the catalogue has for a dataset, which of it fits, and why one of it is proposed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kdcore.spec.candidates import Candidate, Proposal
from kdcore.spec.catalogue import (
    BadOption,
    Description,
    InputTooSmall,
    WrongInput,
    WrongTask,
    architectures,
    check_task,
    describe,
)
from kdcore.spec.catalogue_records import family_of
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.estimate import MACS_PER_SECOND
from kdcore.spec.job import Auto

WIDTHS = (1.0, 0.75, 0.5, 0.25)
FLOAT_BYTES = 4
SHOWN = 12
"""Candidates that a plan shows; the others are counted."""


class NothingFits(ValueError):
    """No network of the catalogue is small enough; says which comes closest."""


def propose(asked: Auto, dataset: DatasetPlan, teacher: Description | None) -> Proposal:
    """The largest network within the budget, of the teacher's family where one of it fits.

    A student has fewer parameters than its teacher: where nothing is smaller, there is nothing to distil.

    Raises:
        NothingFits: the smallest network is too large.
    """
    found = list(_candidates(asked, dataset, teacher))
    if not found:
        raise NothingFits(f"no network of the catalogue takes {dataset.input.kind} and answers {dataset.task}")
    fitting = [one for one in found if one.fits]
    if not fitting:
        least = min(found, key=lambda one: one.parameters)
        message = f"the smallest network for this dataset is {_called(least)} with {least.parameters:,} parameters"
        raise NothingFits(f"{message} ({least.reason}): allow more")
    family = None if teacher is None or teacher.black_box else family_of(teacher.architecture)
    own = [one for one in fitting if one.family == family]
    best = max(own or fitting, key=lambda one: (one.parameters, one.macs))
    why = f"the largest of the teacher's family {family!r} within the budget" if own else _alone(family)
    chosen = best.model_copy(update={"chosen": True, "reason": why})
    others = sorted((one for one in found if one is not best), key=lambda one: _distance(one, best, family))
    return Proposal(
        architecture=best.architecture,
        width=best.width,
        assumes=f"{MACS_PER_SECOND['cpu']:.1e} multiply-adds a second on a CPU: an estimate, which measuring replaces",
        considered=len(found),
        candidates=(chosen, *others[: SHOWN - 1]),
    )


def _alone(family: str | None) -> str:
    return "the largest within the budget" + (f"; none of the teacher's family {family!r} fits" if family else "")


def _distance(one: Candidate, best: Candidate, family: str | None) -> tuple[bool, bool, int]:
    """Fitting ones first, of the family first, nearest in size first."""
    return not one.fits, one.family != family, abs(one.parameters - best.parameters)


def _called(one: Candidate) -> str:
    return one.architecture if one.width is None else f"{one.architecture} at width {one.width:g}"


def _candidates(asked: Auto, dataset: DatasetPlan, teacher: Description | None) -> Iterator[Candidate]:
    for info in architectures():
        if info.input != dataset.input.kind or dataset.task not in info.tasks:
            continue
        for width in WIDTHS if "width" in info.options else (None,):
            found = _described(info.name, width, dataset)
            if found is not None:
                yield _judged(asked, info.family, width, found, teacher)


def _described(name: str, width: float | None, dataset: DatasetPlan) -> Description | None:
    given = dataset.input
    options: dict[str, Any] = {} if width in (None, 1.0) else {"width": width}
    try:
        check_task(name, dataset.task)
        return describe(
            name,
            num_classes=dataset.num_classes,
            input_shape=given.shape,
            vocabulary=given.vocabulary,
            source_length=given.source_length,
            special=given.special,
            **options,
        )
    except (BadOption, InputTooSmall, WrongInput, WrongTask, ValueError):
        return None


@dataclass(frozen=True)
class _Limit:
    name: str
    value: float
    most: float | None

    @property
    def broken(self) -> bool:
        return self.most is not None and self.value > self.most


def _judged(
    asked: Auto, family: str, width: float | None, found: Description, teacher: Description | None
) -> Candidate:
    size, latency = FLOAT_BYTES * found.parameters, 1000 * found.macs / MACS_PER_SECOND["cpu"]
    limits = [
        _Limit("parameters", found.parameters, asked.params_at_most),
        _Limit("bytes", size, asked.bytes_at_most),
        _Limit("ms estimated", latency, asked.latency_ms_at_most),
    ]
    broken = [f"{limit.value:,.4g} {limit.name}, at most {limit.most:,.4g}" for limit in limits if limit.broken]
    if teacher is not None and teacher.parameters and found.parameters >= teacher.parameters:
        broken.append(f"{found.parameters:,} parameters, no fewer than the teacher's {teacher.parameters:,}")
    return Candidate(
        architecture=found.architecture,
        width=None if width in (None, 1.0) else width,
        family=family,
        parameters=found.parameters,
        macs=found.macs,
        bytes=size,
        latency_ms=round(latency, 3),
        fits=not broken,
        reason="; ".join(broken) or "fits, and is smaller than the one that was taken, or of another family",
    )
