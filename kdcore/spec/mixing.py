"""What mixed pictures cannot go together with: terms that need to know of which class a picture is, or which it is."""

from __future__ import annotations

from kdcore.spec.advice import within_classes
from kdcore.spec.base import Problem, pointer
from kdcore.spec.plan import RunPlan, TermPlan
from kdcore.spec.rooms import DISTANCES


def mixing_fault(run: RunPlan) -> Problem | None:
    """Why a run cannot mix its pictures, if it is asked to."""
    augment, sampler = run.training.augment, run.training.sampler
    if not augment.mixes:
        return None
    way = "mixup" if augment.mixup is not None else "cutmix"
    at = pointer("training", "augment", way)
    if sampler is not None and sampler.makes is not None:
        message = f"{way} makes pictures of two classes, and training.sampler counts them by class: drop one of the two"
        return Problem(pointer=at, code="mixed_classes", message=message)
    term = next((term for stage in run.stages for term in stage.terms if _needs_plain(term)), None)
    if term is None:
        return None
    message = f"run {run.name!r}: term {term.name!r} needs pictures of one class each, and {way} mixes two: drop one"
    return Problem(pointer=at, code="mixed_classes", message=message)


def _needs_plain(term: TermPlan) -> bool:
    kind = term.distance.kind
    if kind == "cross_entropy":
        return False
    return within_classes(term.distance) or bool({"target", "index"} & set(DISTANCES[kind].needs)) or kind in _BY_TARGET


_BY_TARGET = frozenset({"dkd", "nkd", "wsld", "ofa", "ofa_branch", "crd"})
"""Distances that read the labels or the pictures' numbers beside what they compare."""
