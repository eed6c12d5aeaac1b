"""Derived networks before they are built: where a path acts in its network, and where it can be looked at itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kdcore.spec.catalogue import Description, LayerInfo
from kdcore.spec.catalogue_tree import Shape

BODY = "body"
"""Where a path that learns the whole network keeps it."""

BORROWING = frozenset({"reuse"})
"""Paths that take a part from a second network."""

THROUGH_STUDENT = frozenset({"reuse"})
"""Paths whose network learns with them; the others lead through a frozen one."""


def path_description(
    kind: str, of: Description, at: tuple[str, ...], factor: float = 1.0, borrowed: Description | None = None
) -> Description:
    """What is known of a path as a network: the places inside it that terms may name, its logits among them.

    ``factor`` is a paraphraser's share of the channels.
    """
    layers = {layer.path: layer for layer in of.layers}
    head = layers[of.classifier]
    if kind == "reuse":
        return _through_student(of, borrowed or of)
    places = [LayerInfo(path, "Path", shape, shape) for path, shape in _places(kind, at, layers, factor)]
    end = replace(head, path="head", input_shape=head.input_shape if kind == "prompts" else head.shape)
    blocks = tuple(place.path for place in places) or ("head",)
    return Description(
        architecture=f"{kind} of {of.architecture}",
        parameters=0,
        macs=of.macs,
        layers=(*places, end),
        features=blocks,
        classifier="head",
        middle=blocks[(len(blocks) - 1) // 2],
        exact=False,
        output=of.output,
    )


def _places(kind: str, at: tuple[str, ...], layers: dict[str, LayerInfo], factor: float) -> Iterator[tuple[str, Shape]]:
    if kind == "prompts":
        yield from ((f"fusions.{i}", layers[path].shape) for i, path in enumerate(at))
    if kind == "paraphraser":
        channels, *positions = layers[at[0]].shape
        yield "factor", (max(1, round(channels * factor)), *positions)
        yield "reconstruction", (channels, *positions)


def _through_student(student: Description, borrowed: Description) -> Description:
    """The student's own layers below, the borrowed classifier on top, a projector between them."""
    layers = {layer.path: layer for layer in borrowed.layers}
    last, head = layers[borrowed.features[-1]], layers[borrowed.classifier]
    own = tuple(replace(layer, path=f"{BODY}.{layer.path}") for layer in student.layers)
    return Description(
        architecture=f"{student.architecture} with the classifier of {borrowed.architecture}",
        parameters=student.parameters,
        macs=student.macs,
        layers=(*own, replace(last, path="projector"), replace(head, path="head")),
        features=tuple(f"{BODY}.{path}" for path in student.features),
        classifier="head",
        middle=f"{BODY}.{student.middle}",
        exact=False,
        output=borrowed.output,
    )
