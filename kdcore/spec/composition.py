"""What cannot go together in one term, and what is legal but probably not wanted; each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kdcore.spec.base import Problem, pointer
from kdcore.spec.catalogue import Description
from kdcore.spec.joining import joining_fault
from kdcore.spec.named import AdapterKind, Kind
from kdcore.spec.objective import Term
from kdcore.spec.plan import LABELS, LOGITS, PairPlan
from kdcore.spec.rooms import DISTANCES

BEYOND_TWO_CLASSES = {"dkd": "its term among the classes other than the target", "nkd": "its non-target term"}
"""Distances that fall apart on a binary task: with two classes only one is not the target, and a share of one is 1."""

BY_HEAD = frozenset({"attention_mse", "attention_kl", "attention_ce"})
"""Distances between attention heads that are as many on both sides."""
TWO_STAGES = "detection/fasterrcnn-"
"""Architectures that answer for proposals, which depend on their own weights."""
MOST_HEADS = 33
"""Relation heads that a message offers are fewer."""


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
    two_stages = next((n for n in (term.to, *term.source) if networks[n].architecture.startswith(TWO_STAGES)), None)
    if logits and two_stages is not None:
        message = (
            f"{two_stages} is a {networks[two_stages].architecture}, whose answers are about proposals of its own and "
            "cannot be compared row by row: compare features with a term on points fpn, as the methods fgd, "
            "mgd-detection, pkd-detection, cwd-detection, and mokd-detection with heads: false do"
        )
        return Problem(pointer=pointer("points"), code="proposals_differ", message=message)
    if "teacher_network" in DISTANCES[kind].needs:
        return _not_alike(term, source, pairs)
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
    if DISTANCES[kind].positions and any(1 in (len(a), len(b)) for a, b in _shapes(pairs)):
        message = f"distance {kind!r} looks at positions, and {pairs[0].to} or {pairs[0].source} has none"
        return Problem(
            pointer=pointer("points"), code="positions_wanted", message=f"{message}: choose layers that have"
        )
    uneven = _uneven(term.distance, pairs)
    if uneven is not None:
        return uneven
    bare = next((pair for pair in pairs if 3 in (len(pair.to_shape or ()), len(pair.source_shape or ()))), None)
    if term.distance.options.get("tokens") == "first" and bare is not None:
        message = f"{bare.to} and {bare.source} are maps without a class token: leave 'tokens' at all"
        return Problem(pointer=pointer("distance", "tokens"), code="tokens_wanted", message=message)
    return None


def _uneven(distance: Kind, pairs: Sequence[PairPlan]) -> Problem | None:
    """Attention heads that are not as many on both sides, or relation heads into which a width cannot be cut."""
    heads = distance.options.get("heads", "each")
    if distance.kind in BY_HEAD and heads == "each":
        counts = {shape[0] for sides in _shapes(pairs) for shape in sides if len(shape) == 3}
        if len(counts) > 1:
            message = f"distance {distance.kind!r} compares head by head, and there are {_listed(counts)}"
            remedy = "take networks with equally many, or heads: mean"
            return Problem(pointer=pointer("distance", "heads"), code="heads_differ", message=f"{message}: {remedy}")
    widths = {shape[-1] for sides in _shapes(pairs) for shape in sides if len(shape) == 2}
    if distance.kind == "attention_relation" and isinstance(heads, int) and any(width % heads for width in widths):
        fitting = [str(count) for count in range(1, MOST_HEADS) if all(width % count == 0 for width in widths)]
        message = f"{heads} relation heads do not divide widths of {_listed(widths)}: take one of {', '.join(fitting)}"
        return Problem(pointer=pointer("distance", "heads"), code="heads_uneven", message=message)
    return None


def _not_alike(term: Term, source: str, pairs: Sequence[PairPlan]) -> Problem | None:
    """Two detectors are compared anchor by anchor; whether these have as many, with as much to say about each."""
    if len(term.source) > 1:
        message = f"several detectors are not combined at their outputs (got {source}): write one term each"
        return Problem(pointer=pointer("from"), code="several_teachers", message=message)
    found = next((pair for pair in pairs if pair.to_shape != pair.source_shape), None)
    if found is None:
        return None
    message = (
        f"{term.to} answers with {found.to_shape} numbers and {source} with {found.source_shape}: detectors whose "
        "heads or anchors differ cannot be compared answer by answer; take a teacher of the same kind, or compare "
        "features with a term on points fpn"
    )
    return Problem(pointer=pointer("from"), code="anchors_differ", message=message)


def adapter_fault(term: Term, adapter: AdapterKind | None, pairs: Sequence[PairPlan]) -> Problem | None:
    """Why the adapter that a term was given, or has by itself, cannot bring its features together."""
    reason = None if adapter is None else joining_fault(adapter.kind, _shapes(pairs))
    if adapter is None or reason is None:
        return None
    where = pointer("points" if term.adapter is None else "adapter")
    shown = ", ".join(f"{pair.to} {pair.to_shape} beside {pair.source} {pair.source_shape}" for pair in pairs)
    return Problem(pointer=where, code="cannot_join", message=f"adapter {adapter.kind!r} {reason} (got {shown})")


def _shapes(pairs: Sequence[PairPlan]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Of the pairs whose shapes are known."""
    return [(p.to_shape, p.source_shape) for p in pairs if p.to_shape is not None and p.source_shape is not None]


def _is_flat(shape: tuple[int, ...] | None) -> bool:
    return shape is not None and len(shape) != 3


def _classes(network: Description) -> int:
    layers = {layer.path: layer for layer in network.layers}
    shape = layers[network.classifier].shape
    return shape[0] if len(shape) == 3 else shape[-1]  # of maps the channels


def _listed(numbers: set[int]) -> str:
    return " and ".join(str(number) for number in sorted(numbers))
