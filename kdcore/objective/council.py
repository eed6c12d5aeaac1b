"""Several teachers that speak as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def combined(logits: Sequence[Tensor], how: str) -> Tensor:
    """One teacher's logits from several, [B, N] each.

    ``mean`` averages them. ``agreement`` weighs, for each sample, every teacher by how little its probabilities diverge
    from those of all together, ``w_k = softmax_k(-KL(p_k || mean p))``: a teacher that stands alone counts less (ours).

    Raises:
        ValueError: unknown ``how``.
    """
    stacked = torch.stack([one.float() if one.dtype in (torch.float16, torch.bfloat16) else one for one in logits])
    if how == "mean":
        return stacked.mean(0)
    if how != "agreement":
        raise ValueError(f"no way {how!r} to combine teachers; known: mean, agreement")
    log_p = stacked.log_softmax(-1)
    log_all = log_p.logsumexp(0) - torch.tensor(float(len(logits)), device=stacked.device).log()
    divergence = (log_p.exp() * (log_p - log_all)).sum(-1)
    weights = (-divergence).softmax(0)
    return (weights[..., None] * stacked).sum(0)
