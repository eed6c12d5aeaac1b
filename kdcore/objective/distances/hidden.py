"""Distances between a transformer's hidden states [B, L, D]; padding counts nowhere.

The context's ``mask`` [B, L] says which tokens count (1 = counts; all without it). A batch in which none counts gives
0 with a zero gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.masks import mean_of, tokens
from kdcore.spec.rooms.piece import NoOptions


def sequence(feature: Tensor, name: str) -> Tensor:
    """A feature of tokens [B, L, D].

    Raises:
        ValueError: for features of another rank.
    """
    if feature.ndim != 3:
        raise ValueError(f"{name} looks at tokens [B, L, D] (got {tuple(feature.shape)}): choose a layer with tokens")
    return feature


class HiddenMSE(Distance):
    """Mean squared difference over the tokens that count and the width: Jiao et al. 2020 (TinyBERT), equation 8."""

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(sequence(student, "hidden_mse"), teacher, "hidden_mse")
        keep = tokens(student, context)
        return mean_of((student[keep] - followed[keep]).square())


class HiddenCosine(Distance):
    """Mean over the tokens that count of one minus the cosine: Sanh et al. 2019 (DistilBERT), section 2."""

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(sequence(student, "hidden_cosine"), teacher, "hidden_cosine")
        keep = tokens(student, context)
        return mean_of(1 - (unit(student[keep]) * unit(followed[keep])).sum(-1))


def unit(rows: Tensor) -> Tensor:
    """Rows of length one; a row of zeros stays one, with a finite gradient."""
    return F.normalize(rows, dim=-1, eps=1e-6)


class FirstToken(Distance):
    """Squared distance of the first tokens' unit vectors, averaged over the batch: twice one minus their cosine.

    Sun et al. 2019 (PKD-BERT), equation 7. Shapes: [B, L, D], of which token 0 ([CLS]) is read, or [B, D].
    """

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        s, t = (side[:, 0] if side is not None and side.ndim == 3 else side for side in (student, teacher))
        assert s is not None
        return (unit(s) - unit(same_shape(s, t, "first_token"))).square().sum(-1).mean()


def two(layers: Sequence[Tensor], context: Context, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Two layers of tokens with padding set to zero, and which tokens count; one layer stands for both.

    Raises:
        ValueError: more than two layers, or layers without tokens.
    """
    if len(layers) > 2:
        raise ValueError(f"{name} relates two layers of a network (got {len(layers)}): write one term for each two")
    keep = tokens(sequence(layers[0], name), context)
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
        s, t = (self._flow(layers, context) for layers in (students, teachers))
        return (s - same_shape(s, t, "token_flow")).square().mean()

    @staticmethod
    def _flow(layers: Sequence[Tensor], context: Context) -> Tensor:
        first, last, keep = two(layers, context, "token_flow")
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
        (s, keep), (t, _) = (self._similar(layers, context) for layers in (students, teachers))
        pairs = keep.sum(1).square().sum().clamp(min=1)
        return (s - same_shape(s, t, "token_similarity")).square().sum() / pairs

    @staticmethod
    def _similar(layers: Sequence[Tensor], context: Context) -> tuple[Tensor, Tensor]:
        """Zero at pairs with padding, which so do not count in a sum."""
        first, last, keep = two(layers, context, "token_similarity")
        return first @ last.transpose(1, 2) / last.shape[2], keep


CLASSES: Classes = {
    "hidden_mse": HiddenMSE,
    "hidden_cosine": HiddenCosine,
    "first_token": FirstToken,
    "token_flow": TokenFlow,
    "token_similarity": TokenSimilarity,
}
