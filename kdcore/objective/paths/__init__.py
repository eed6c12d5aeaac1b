"""Paths: further ways through a network, with learned parts of their own, by the kind that specs use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from torch import Tensor, nn

from kdcore.objective.paths.outputs import OutputPrompts
from kdcore.objective.paths.paraphraser import Paraphraser
from kdcore.objective.paths.prompted import Prompted
from kdcore.objective.paths.reuse import Reuse
from kdcore.spec.rooms import piece_options

__all__ = ["CLASSES", "OutputPrompts", "Paraphraser", "Prompted", "Reuse", "build", "prompted"]

CLASSES: dict[str, Callable[..., nn.Module]] = {
    "prompts": Prompted,
    "outputs": OutputPrompts,
    "paraphraser": Paraphraser,
    "reuse": Reuse,
}


def build(
    kind: str,
    base: nn.Module,
    options: Mapping[str, Any],
    *,
    at: Sequence[str] = (),
    classifier: str | None = None,
    sample: Tensor | None = None,
    **further: Any,
) -> nn.Module:
    """The path ``kind`` through ``base``: a module ``images -> logits`` whose parameters are what the path learns.

    Args:
        kind: name in the room ``path``.
        base: the network that it leads through.
        options: of the kind.
        at, classifier: module paths of ``base``, as the plan says; found where left out.
        sample: a few inputs, for one forward pass that traces shapes.
        further: what some kinds need beside these.

    Raises:
        kdcore.spec.rooms.BadPiece: unknown kind or options.
        kdcore.errors.EngineError: ``layer_not_found``.
    """
    validated = piece_options("path", kind, dict(options))
    return CLASSES[kind](base, validated, at=at, classifier=classifier, sample=sample, **further)


def prompted(
    teacher: nn.Module,
    *,
    at: Sequence[str] | None = None,
    classifier: str | None = None,
    sample: Tensor | None = None,
    **options: Any,
) -> Prompted:
    """DFPT-KD's prompted path through ``teacher``, which is frozen by it (arXiv 2506.18244; a reconstruction).

    Args:
        teacher: any classifier; it stays as it is and is not part of the path's parameters.
        at: module paths of the stage ends; the last block of each resolution, or evenly spaced blocks where the
            resolution never changes, when left out.
        classifier: path of the layer that makes the logits; the last one with weights when left out.
        sample: a few inputs, for one forward pass that traces shapes; made up from the first layer when left out.
        options: see `kdcore.spec.rooms.paths.PromptOptions`.

    Raises:
        kdcore.spec.rooms.BadPiece: options that do not fit.
        kdcore.errors.EngineError: ``layer_not_found``.
        ValueError: features of unknown kind, or an unknown input.
    """
    return cast(Prompted, build("prompts", teacher, options, at=at or (), classifier=classifier, sample=sample))
