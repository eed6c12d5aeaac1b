"""Short runs of a job spec: with a share of its examples and of its epochs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from kdcore.spec.base import Problem, SpecError
from kdcore.spec.plan import Plan
from kdcore.spec.runs import shares_of
from kdcore.spec.studies.pilotspec import Share

Json = dict[str, Any]
EXAMPLES_LEAST = 20
"""Of ``dataset.limit``."""
OF_A_CLASS = 5
"""Examples of each class, below which a run says nothing of it."""
PLACES = {"/base/dataset/limit": "/share/data", "/base/training/epochs": "/share/epochs"}
"""Where a study spec says what a short run's job spec has there."""


def shortened(base: Mapping[str, Any], whole: Plan, share: Share) -> Json:
    """A job spec with a share of its examples and epochs, at least one epoch.

    Args:
        whole: the plan of the base as it is.
    """
    short = with_epochs(base, max(1, round(share.epochs * whole.spec.training.epochs)))
    return short if share.data == 1 else with_examples(short, examples_of(whole, share))


def with_epochs(base: Mapping[str, Any], epochs: int) -> Json:
    """A job spec with another number of epochs, shared among the stages of a method that is written out as before."""
    found = {**base, "training": {**(base.get("training") or {}), "epochs": epochs}}
    method = base.get("method")
    if isinstance(method, Mapping) and isinstance(method.get("stages"), list | tuple):
        shares = shares_of([stage["epochs"] for stage in method["stages"]], epochs)
        stages = [{**stage, "epochs": own} for stage, own in zip(method["stages"], shares, strict=True)]
        found["method"] = {**method, "stages": stages}
    return found


def with_examples(base: Mapping[str, Any], examples: int) -> Json:
    """A job spec that trains on so many examples."""
    return {**base, "dataset": {**base["dataset"], "limit": examples}}


def examples_of(whole: Plan, share: Share) -> int:
    """How many examples a short run trains on."""
    return max(1, round(share.data * whole.dataset.counts.train))


def share_faults(whole: Plan, share: Share) -> Iterator[Problem]:
    """Why so small a share of the examples says nothing."""
    examples, train = examples_of(whole, share), whole.dataset.counts.train
    told = f"a share of {share.data:g} of the data is {examples} of {train:,} examples"
    if examples < min(EXAMPLES_LEAST, train):
        least = ceil(1000 * EXAMPLES_LEAST / train) / 1000
        message = f"{told}, and {EXAMPLES_LEAST} are the least: say at least {least:g}"
        yield Problem(pointer="/share/data", code="share_too_small", message=message)
        return
    rarest = whole.dataset.rarest
    if rarest is None or share.data == 1 or rarest * share.data >= OF_A_CLASS:
        return
    left = f"about {rarest * share.data:.2g} of the rarest of {whole.dataset.num_classes} classes"
    least = min(1, ceil(1000 * OF_A_CLASS / rarest) / 1000)
    message = f"{told}, {left}, and {OF_A_CLASS} are the least: say at least {least:g}"
    yield Problem(pointer="/share/data", code="share_too_small", message=message)


def moved(error: SpecError, places: Mapping[str, str] = PLACES) -> SpecError:
    """The faults of a short run's spec where the study spec says them."""
    return SpecError([_moved(problem, places) for problem in error.problems])


def _moved(problem: Problem, places: Mapping[str, str]) -> Problem:
    at = problem.pointer
    found = next((place for known, place in places.items() if at == known or at.startswith(known + "/")), at)
    message = f"{problem.message}; it is the short run that cannot be so: raise its share, or change this"
    return problem.model_copy(update={"pointer": found, "message": message})
