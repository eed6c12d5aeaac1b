"""Distances between hidden states that know which tokens count."""

from __future__ import annotations

import torch
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.spec.rooms.layers import HiddenOptions

EPS = 1e-6
"""Below this length or deviation a side has no direction or scale, and is not blown up to one."""


class Hidden(Distance):
    """``Σ_valid ‖s - t‖² / (n_valid d)`` over the tokens that ``context["mask"]`` [B, L] counts; all without a mask.

    Shapes: tokens [B, L, D], vectors [B, D] (one token each) or maps [B, C, H, W] (positions are tokens; no mask).
    What stands at padded tokens, be it infinite, changes neither loss nor gradient; without any counted token the
    loss is 0.

    With ``normalise: layer`` each side is standardised over all its counted numbers, without parameters (the published
    T5 code does so over padding, too). With ``normalise: token`` each token has length 1 and the sum is divided by
    ``n_valid`` alone: ``2 - 2 cos`` on average. The published BERT code divides by the batch once more, which couples
    the term's weight to the batch size; this does not.

    Raises:
        ValueError: other shapes on both sides, or a mask of another shape than the tokens.
    """

    def __init__(self, options: HiddenOptions) -> None:
        super().__init__()
        self.normalise = options.normalise
        self.first = options.tokens == "first"

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "hidden")
        own, other, counted = _tokens(student), _tokens(followed), _mask(student, context)
        if self.first and student.ndim == 3:
            own, other, counted = own[:, :1], other[:, :1], counted[:, :1]
        sides = [self._normalised(side.masked_fill(~counted, 0), counted) for side in (own, other)]
        squares = (sides[0] - sides[1]).masked_fill(~counted, 0).square().sum()
        width = 1 if self.normalise == "token" else own.shape[-1]
        return torch.div(squares, counted.sum().clamp(min=1) * width)

    def _normalised(self, tokens: Tensor, counted: Tensor) -> Tensor:
        """``tokens`` are 0 where ``counted`` [B, L, 1] is false, so that their sum is that of the counted ones."""
        if self.normalise == "token":
            return torch.div(tokens, tokens.norm(dim=-1, keepdim=True).clamp(min=EPS))
        if self.normalise == "none":
            return tokens
        numbers = counted.sum().clamp(min=1) * tokens.shape[-1]
        centred = (tokens - tokens.sum() / numbers).masked_fill(~counted, 0)
        return centred * torch.rsqrt(centred.square().sum() / numbers + EPS)


def _tokens(feature: Tensor) -> Tensor:
    """Any feature as tokens [B, L, D]."""
    if feature.ndim == 2:
        return feature.unsqueeze(1)
    return feature if feature.ndim == 3 else feature.flatten(2).transpose(1, 2)


def _mask(feature: Tensor, context: Context) -> Tensor:
    """Which tokens count: bool [B, L, 1]."""
    mask = context.get("mask")
    if mask is None or feature.ndim != 3:
        tokens = _tokens(feature)
        return torch.ones((*tokens.shape[:2], 1), dtype=torch.bool, device=feature.device)
    if mask.shape != feature.shape[:2]:
        raise ValueError(
            f"hidden states {tuple(feature.shape)} need a mask of {tuple(feature.shape[:2])}, not {tuple(mask.shape)}"
        )
    found: Tensor = mask.to(feature.device).bool().unsqueeze(-1)
    return found


CLASSES: Classes = {"hidden": Hidden}
