"""Distances between the hidden states and the self-attention of transformers; padding counts nowhere."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import NoOptions, Piece, Table

Heads = Literal["each", "sum", "mean"]


class AttentionScoreOptions(Strict):
    """How attention scores are compared.

    Attributes:
        heads: one by one, or summed or averaged first, which serves networks with different numbers of heads.
        floor: scores at or below it count as 0; None leaves all as they are.
    """

    heads: Heads = "each"
    floor: float | None = -100


class AttentionDistributionOptions(Strict):
    """How attention is compared as distributions over keys.

    Attributes:
        heads: one by one, or their scores summed or averaged first.
        given: whether the tensors are scores before the softmax or the probabilities behind it.
        keys: whether the softmax runs over the keys that count or over all, padding included.
        floor: keys whose score on the teacher's side is at or below it are left out of the sum; None leaves none out.
    """

    heads: Heads = "each"
    given: Literal["scores", "probabilities"] = "scores"
    keys: Literal["counted", "all"] = "counted"
    floor: float | None = None


class RelationOptions(Strict):
    """``heads`` into which both sides are cut, whatever their widths; without it, a tensor's own, or one."""

    heads: int | None = Field(default=None, ge=1, le=1024)


HIDDEN: Table = {
    "token_flow": Piece(
        NoOptions,
        "Squared difference of how the channels of two layers go along with each other.",
        "Yim et al. 2017 (FSP, CVPR 2017) for tokens, as in TextBrewer",
        "features",
    ),
    "token_similarity": Piece(
        NoOptions,
        "Squared difference of the tokens' similarities between two layers.",
        "Huang, Wang 2017 (NST, arXiv 1707.01219) for tokens, as in TextBrewer",
        "features",
        adapts=False,
    ),
    "attention_mse": Piece(
        AttentionScoreOptions,
        "Mean squared difference of attention scores over the pairs of tokens that count.",
        "Jiao et al. 2020 (TinyBERT, arXiv 1909.10351), equation 7",
        "features",
        adapts=False,
    ),
    "attention_ce": Piece(
        AttentionDistributionOptions,
        "Cross-entropy of the student's attention with the teacher's.",
        "as in TextBrewer (Yang et al. 2020, arXiv 2002.12620)",
        "features",
        adapts=False,
    ),
    "attention_kl": Piece(
        AttentionDistributionOptions,
        "Divergence of the student's attention from the teacher's.",
        "Wang et al. 2020 (MiniLM, arXiv 2002.10957), equation 5",
        "features",
        adapts=False,
    ),
    "attention_relation": Piece(
        RelationOptions,
        "Divergence of the relations among queries, keys or values, for any widths.",
        "Wang et al. 2020 (MiniLM, arXiv 2002.10957), equation 6; Wang et al. 2021 (MiniLMv2, arXiv 2012.15828)",
        "features",
        adapts=False,
    ),
}
