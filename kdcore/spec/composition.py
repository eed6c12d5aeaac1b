"""What cannot go together in one term, and what is legal but probably not wanted; each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kdcore.spec.base import Problem, pointer
from kdcore.spec.catalogue import Description
from kdcore.spec.named import Kind
from kdcore.spec.objective import Term
from kdcore.spec.plan import LABELS, LOGITS, PairPlan
from kdcore.spec.rooms import DISTANCES

BEYOND_TWO_CLASSES = {"dkd": "its term among the classes other than the target", "nkd": "its non-target term"}
"""Distances that fall apart on a binary task: with two classes only one is not the target, and a share of one is 1."""


def needs_logits(distance: Kind) -> bool:
    """Whether a distance looks at both networks' logits beside the features that it compares."""
    always = {"student_logits", "teacher_logits"} & set(DISTANCES[distance.kind].needs)
    return bool(always) or distance.options.get("given") == LOGITS


def fault_of(term: Term, source: str, pairs: Sequence[PairPlan], networks: Mapping[str, Description]) -> Problem | None:
    """The first reason why the pieces of a term cannot work together; its pointer starts at the term."""
    if source == LABELS:
        return None
    reads, kind = DISTANCES[term.distance.kind].reads, term.distance.kind
    logits = any(LOGITS in (pair.to, pair.source) for pair in pairs)
    if reads == LOGITS and not all(pair.to == pair.source == LOGITS for pair in pairs):
        message = f"distance {kind!r} compares what networks say about classes: leave 'points' at logits"
        return Problem(pointer=pointer("points"), code="logits_wanted", message=message)
    classes = {_classes(networks[name]) for name in (term.to, *term.source)}
    if logits and len(classes) > 1:
        message = (
            f"{term.to} and {source} speak about {_listed(classes)} classes: they cannot be compared class by class"
        )
        return Problem(pointer=pointer("from"), code="class_count_differs", message=message)
    if kind in BEYOND_TWO_CLASSES and classes == {2}:
        message = (
            f"distance {kind!r} needs more than two classes: on a binary task {BEYOND_TWO_CLASSES[kind]} is always 0"
        )
        return Problem(pointer=pointer("distance"), code="binary_task", message=f"{message}; use kl")
    flat = next((pair for pair in pairs if _is_flat(pair.to_shape) or _is_flat(pair.source_shape)), None)
    if DISTANCES[kind].maps and flat is not None:
        shapes = f"{flat.to} has {flat.to_shape}, {flat.source} {flat.source_shape}"
        message = f"distance {kind!r} looks at maps with channels, height and width ({shapes}): choose layers that have"
        return Problem(pointer=pointer("points"), code="maps_wanted", message=message)
    bare = next((pair for pair in pairs if 3 in (len(pair.to_shape or ()), len(pair.source_shape or ()))), None)
    if term.distance.options.get("tokens") == "first" and bare is not None:
        message = f"{bare.to} and {bare.source} are maps without a class token: leave 'tokens' at all"
        return Problem(pointer=pointer("distance", "tokens"), code="tokens_wanted", message=message)
    return None


def _is_flat(shape: tuple[int, ...] | None) -> bool:
    return shape is not None and len(shape) != 3


def _classes(network: Description) -> int:
    layers = {layer.path: layer for layer in network.layers}
    return layers[network.classifier].shape[-1]


def _listed(numbers: set[int]) -> str:
    return " and ".join(str(number) for number in sorted(numbers))
