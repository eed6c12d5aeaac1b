"""Relations between two layers of a transformer's hidden states [B, L, D]; padding counts nowhere.

The context's ``mask`` [B, L] says which tokens count (1 = counts; all without it). A batch in which none counts gives
0 with a zero gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.masks import tokens
from kdcore.objective.shared import once
from kdcore.spec.rooms.piece import NoOptions


def sequence(feature: Tensor, name: str) -> Tensor:
    """A feature of tokens [B, L, D].

    Raises:
        ValueError: for features of another rank.
    """
    if feature.ndim != 3:
        raise ValueError(f"{name} looks at tokens [B, L, D] (got {tuple(feature.shape)}): choose a layer with tokens")
    return feature


def two(layers: Sequence[Tensor], mask: Tensor | None, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Two layers of tokens with padding set to zero, and which tokens count; one layer stands for both.

    Raises:
        ValueError: more than two layers, layers without tokens, or layers of different tokens.
    """
    if len(layers) > 2:
        raise ValueError(f"{name} relates two layers of a network (got {len(layers)}): write one term for each two")
    numbers = {sequence(layer, name).shape[1] for layer in layers}
    if len(numbers) > 1:
        raise ValueError(f"{name} relates layers of the same tokens (got {sorted(numbers)} tokens): name other layers")
    keep = tokens(layers[0], {} if mask is None else {"mask": mask})
    first, last = (torch.where(keep[..., None], sequence(layer, name), 0) for layer in (layers[0], layers[-1]))
    return first, last, keep


class TokenFlow(Distance):
    """``mean (S_1' S_2 / L - T_1' T_2 / L)²``: how the channels of one layer go along with those of another.

    Yim et al. 2017 (FSP) for tokens, as TextBrewer has it: L counts the tokens of each sequence that are no padding.
    Joint: two layers of each network, of equal widths on both sides; one layer is related to itself.
    """

    joint: ClassVar[bool] = True

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure_all(
        self, students: Sequence[Tensor], teachers: Sequence[Tensor], target: Tensor | None, context: Context
    ) -> Tensor:
        s, t = (once(context, _flow, layers, context.get("mask")) for layers in (students, teachers))
        return (s - same_shape(s, t, "token_flow")).square().mean()


def _flow(layers: Sequence[Tensor], mask: Tensor | None) -> Tensor:
    first, last, keep = two(layers, mask, "token_flow")
    lengths = keep.sum(1).clamp(min=1)[:, None, None]
    return first.transpose(1, 2) @ last / lengths


class TokenSimilarity(Distance):
    """``mean (S_1 S_2' / D_s - T_1 T_2' / D_t)²`` over pairs of tokens: which tokens are alike, for any widths.

    Huang, Wang 2017 (NST) for tokens, as TextBrewer has it. Joint: two layers of each network, or one.
    """

    joint: ClassVar[bool] = True

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure_all(
        self, students: Sequence[Tensor], teachers: Sequence[Tensor], target: Tensor | None, context: Context
    ) -> Tensor:
        mask = context.get("mask")
        (s, keep), (t, _) = (once(context, _similar, layers, mask) for layers in (students, teachers))
        pairs = keep.sum(1).square().sum().clamp(min=1)
        return (s - same_shape(s, t, "token_similarity")).square().sum() / pairs


def _similar(layers: Sequence[Tensor], mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Zero at pairs with padding, which so do not count in a sum."""
    first, last, keep = two(layers, mask, "token_similarity")
    if first.shape[2] != last.shape[2]:
        widths = f"{first.shape[2]} and {last.shape[2]}"
        raise ValueError(f"token_similarity relates layers of one width (got {widths}): name others, or token_flow")
    return first @ last.transpose(1, 2) / last.shape[2], keep


CLASSES: Classes = {
    "token_flow": TokenFlow,
    "token_similarity": TokenSimilarity,
}
