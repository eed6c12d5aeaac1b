"""Whether two arms can be compared: on the same data, with the same budget."""

from __future__ import annotations

from collections.abc import Iterator

from kdcore.spec.plan import Plan


def other_data(plan: Plan, reference: Plan) -> str | None:
    """Why an arm answers another question than the reference: it has another dataset. None where it has not."""
    own, others = _dataset(plan), _dataset(reference)
    if own == others:
        return None
    return f"the dataset is {own}, the reference's {others}: scores of different data say nothing of each other"


def apart(plan: Plan, reference: Plan) -> Iterator[str]:
    """Why the scores of an arm cannot be set against the reference's in pairs."""
    own, others = plan.spec.dataset, reference.spec.dataset
    if own.splits != others.splits:
        yield "its splits are drawn otherwise"
    if own.limit != others.limit:
        yield f"it trains on {_examples(own.limit)}, the reference on {_examples(others.limit)}"
    if plan.spec.student.labels != reference.spec.student.labels:
        yield f"it sees {_labels(plan)}, the reference {_labels(reference)}"
    if plan.runs[-1].epochs != reference.runs[-1].epochs:
        yield f"it trains for {plan.runs[-1].epochs} epochs, the reference for {reference.runs[-1].epochs}"


def _dataset(plan: Plan) -> str:
    found = plan.dataset
    return found.name if found.id is None else f"{found.id}/{found.version}"


def _examples(limit: int | None) -> str:
    return "all examples" if limit is None else f"{limit} examples"


def _labels(plan: Plan) -> str:
    labels = plan.spec.student.labels
    return "all labels" if labels is None else f"{labels} labels"
