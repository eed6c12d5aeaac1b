"""Distances between self-attention of transformers: scores, distributions, and MiniLM's relations of tokens.

The context's ``mask`` [B, L] says which tokens count, as queries and as keys (1 = counts; all without it).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.masks import tokens
from kdcore.objective.shared import once
from kdcore.spec.rooms.hidden import AttentionDistributionOptions, AttentionScoreOptions, RelationOptions

NEVER = -1e30
"""Score of a key that does not count."""


def maps_of_heads(attention: Tensor, heads: str) -> Tensor:
    """[B, H, L, L] as it is, or its heads summed or averaged to [B, 1, L, L]; [B, L, L] as of one head.

    Raises:
        ValueError: for features of another rank.
    """
    if attention.ndim not in (3, 4) or attention.shape[-1] != attention.shape[-2]:
        raise ValueError(f"attention is [B, H, L, L] (got {tuple(attention.shape)}): choose an attention layer")
    maps = attention if attention.ndim == 4 else attention[:, None]
    if heads == "each":
        return maps
    return maps.sum(1, keepdim=True) if heads == "sum" else maps.mean(1, keepdim=True)


def compared(student: Tensor, teacher: Tensor | None, heads: str, name: str) -> tuple[Tensor, Tensor]:
    """Both sides' maps, once they are known to have equally many heads and tokens.

    Raises:
        ValueError: features that are no attention, or other shapes on both sides.
    """
    assert teacher is not None
    maps = maps_of_heads(student, heads)
    return maps, same_shape(maps, maps_of_heads(teacher, heads), name)


class AttentionMSE(Distance):
    """Mean squared difference of attention scores over heads and pairs of tokens that count.

    Jiao et al. 2020 (TinyBERT), equation 7. Scores at or below ``floor`` count as 0 on their side, as in the published
    code: they stand for padding. Shapes: [B, H, L, L]; numbers of heads may differ where they are summed or averaged.
    """

    def __init__(self, options: AttentionScoreOptions) -> None:
        super().__init__()
        self.options = options

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        maps = compared(student, teacher, self.options.heads, "attention_mse")
        keep = tokens(maps[0].transpose(1, 2), context)
        pairs = keep[:, None, :, None] & keep[:, None, None, :]
        s, t = (self._scores(side, pairs) for side in maps)
        return (s - t).square().sum() / (s.shape[1] * pairs.sum()).clamp(min=1)

    def _scores(self, maps: Tensor, pairs: Tensor) -> Tensor:
        maps = torch.where(pairs, maps, 0)
        floor = self.options.floor
        return maps if floor is None else torch.where(maps <= floor, 0, maps)


class AttentionDivergence(Distance):
    """KL divergence, or cross-entropy, of the student's attention from the teacher's, averaged over heads and queries.

    The KL is Wang et al. 2020 (MiniLM), equation 5; the cross-entropy is TextBrewer's, and not zero at equality.
    Shapes: [B, H, L, L], scores before the softmax or the probabilities behind it.
    """

    def __init__(self, options: AttentionDistributionOptions, *, entropy: bool) -> None:
        super().__init__()
        self.options, self.entropy = options, entropy

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        o, name = self.options, "attention_kl" if self.entropy else "attention_ce"
        maps = compared(student, teacher, o.heads, name)
        keep = tokens(maps[0].transpose(1, 2), context)
        queries, keys = keep[:, None, :, None], keep[:, None, None, :]
        s, t = (self._scores(side, queries, keys) for side in maps)
        counts = queries & keys if o.floor is None else queries & keys & (t > o.floor)
        log_q, log_p = s.log_softmax(-1), t.log_softmax(-1)
        gaps = log_p.exp() * (log_p - log_q if self.entropy else -log_q)
        return torch.where(counts, gaps, 0).sum() / (s.shape[1] * queries.sum()).clamp(min=1)

    def _scores(self, maps: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
        """Scores whose softmax is the attention; keys that do not count take no part unless asked to."""
        if self.options.keys == "all":
            counted, outside = queries, 0.0
        else:
            counted, outside = queries & keys, NEVER
        if self.options.given == "probabilities":
            maps = torch.where(counted, maps, 1).clamp(min=torch.finfo(maps.dtype).tiny).log()
        return torch.where(counted, maps, outside)


class AttentionRelation(Distance):
    """``KL(softmax(A_t A_t' / sqrt(d_t)) || softmax(A_s A_s' / sqrt(d_s)))``, averaged over heads and tokens.

    A are queries, keys or values, cut into ``heads`` relation heads of d columns each: Wang et al. 2020 (MiniLM),
    equation 6, for values; Wang et al. 2021 (MiniLMv2), equations 4 to 6, for all three. Shapes: [B, L, D] or
    [B, H, L, D / H], of any widths on both sides; without ``heads`` a tensor's own.
    """

    def __init__(self, options: RelationOptions) -> None:
        super().__init__()
        self.heads = options.heads

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        s, t = (once(context, _split, side, self.heads) for side in (student, teacher))
        if s.shape[:3] != t.shape[:3]:
            raise ValueError(
                f"attention_relation needs as many heads and tokens on both sides (student {tuple(s.shape)}, teacher "
                f"{tuple(t.shape)}): set heads to a number that divides both widths"
            )
        keep, mask = tokens(s.transpose(1, 2), context), context.get("mask")
        log_q, log_p = (once(context, _relation, side, mask) for side in (s, t))
        rows = F.kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1)
        rows = torch.where(keep[:, None], rows, 0)
        return rows.sum() / (s.shape[1] * keep.sum()).clamp(min=1)


def _split(feature: Tensor, asked: int | None) -> Tensor:
    """[B, heads, L, d]."""
    if feature.ndim == 4 and asked in (None, feature.shape[1]):
        return feature
    joined = feature.transpose(1, 2).flatten(2) if feature.ndim == 4 else feature
    heads = asked or 1
    if joined.ndim != 3 or joined.shape[2] % heads:
        raise ValueError(f"attention_relation cannot cut {tuple(feature.shape)} into {heads} heads of equal width")
    return joined.reshape(*joined.shape[:2], heads, -1).transpose(1, 2)


def _relation(rows: Tensor, mask: Tensor | None) -> Tensor:
    """Logarithms of the softmax of [B, heads, L, d]'s inner products, over the tokens that count."""
    keep = tokens(rows.transpose(1, 2), {} if mask is None else {"mask": mask})
    rows = torch.where(keep[:, None, :, None], rows, 0)
    scores = rows @ rows.transpose(2, 3) / rows.shape[3] ** 0.5
    return torch.where(keep[:, None, None], scores, NEVER).log_softmax(-1)


CLASSES: Classes = {
    "attention_mse": AttentionMSE,
    "attention_ce": lambda options: AttentionDivergence(options, entropy=False),
    "attention_kl": lambda options: AttentionDivergence(options, entropy=True),
    "attention_relation": AttentionRelation,
}
