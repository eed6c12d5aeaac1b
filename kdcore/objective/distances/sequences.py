"""Divergences that sequence distillation uses beside KL: reverse, symmetric, Jensen-Shannon, skewed, total variation.

All of them serve pictures as well: shapes and masks are those of ``Divergence``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context
from kdcore.objective.distances.decoupled import rows_kl
from kdcore.objective.distances.logits import IMPOSSIBLE, Divergence, log_probabilities
from kdcore.objective.distances.masks import counted, mean_of
from kdcore.spec.rooms.sequences import JSDOptions, SkewOptions, SymmetricOptions, TopKOptions

CERTAIN = -1e-7
"""The largest logarithm of a sum of probabilities below which something is left for the others."""


class ReverseKL(Divergence):
    """``T² KL(q || p)``: the student avoids what the teacher finds unlikely. Gu et al. 2024 (MiniLLM)."""

    name = "reverse_kl"

    def rows(self, log_q: Tensor, log_p: Tensor) -> Tensor:
        return rows_kl(log_p, log_q)


class SymmetricKL(Divergence):
    """``T² (w KL(p || q) + (1 - w) KL(q || p))``; half of Jeffreys' divergence with w = 1/2."""

    name = "symmetric_kl"

    def __init__(self, options: SymmetricOptions) -> None:
        super().__init__(options)
        self.forward_share = options.forward_share

    def rows(self, log_q: Tensor, log_p: Tensor) -> Tensor:
        return self.forward_share * rows_kl(log_q, log_p) + (1 - self.forward_share) * rows_kl(log_p, log_q)


class JensenShannon(Divergence):
    """``T² (β KL(p || m) + (1 - β) KL(q || m))`` with ``m = β p + (1 - β) q``: Agarwal et al. 2024 (GKD), equation 1.

    The formula itself vanishes for β = 0 and 1; as in the published code, these stand for KL(p || q) and KL(q || p),
    to which ``JSD / β`` and ``JSD / (1 - β)`` tend.
    """

    name = "jsd"

    def __init__(self, options: JSDOptions) -> None:
        super().__init__(options)
        self.beta = options.beta

    def rows(self, log_q: Tensor, log_p: Tensor) -> Tensor:
        if self.beta in (0, 1):
            return rows_kl(log_q, log_p) if self.beta == 0 else rows_kl(log_p, log_q)
        log_m = mixture(log_p, log_q, self.beta)
        return self.beta * rows_kl(log_m, log_p) + (1 - self.beta) * rows_kl(log_m, log_q)


def mixture(log_a: Tensor, log_b: Tensor, share: float) -> Tensor:
    """``log(share a + (1 - share) b)`` from logarithms, for a share strictly between 0 and 1."""
    return torch.logaddexp(log_a + math.log(share), log_b + math.log1p(-share))


class SkewKL(Divergence):
    """``T² KL(p || α p + (1 - α) q)``, or in reverse ``T² KL(q || (1 - α) p + α q)``.

    Ko et al. 2024 (DistiLLM, arXiv 2402.03898), section 3.1, with the teacher's entropy that the published code leaves
    out, so that it is zero at equality. Never larger than ``-log α``.
    """

    name = "skew_kl"

    def __init__(self, options: SkewOptions) -> None:
        super().__init__(options)
        self.alpha, self.reverse = options.alpha, options.direction == "reverse"

    def rows(self, log_q: Tensor, log_p: Tensor) -> Tensor:
        skewed, other = (log_q, log_p) if self.reverse else (log_p, log_q)
        return rows_kl(mixture(skewed, other, self.alpha), skewed)


class TotalVariation(Divergence):
    """``½ Σ |p - q|``, between 0 and 1: Wen et al. 2023 (f-DISTILL, arXiv 2307.15190). Not multiplied by T²."""

    name = "tvd"

    def rows(self, log_q: Tensor, log_p: Tensor) -> Tensor:
        return (log_p.exp() - log_q.exp()).abs().sum(-1) / 2

    def scale(self, T: float | Tensor) -> float | Tensor:
        return 1.0


class TopKL(Divergence):
    """``T² KL(p || q)`` over the teacher's k likeliest classes, all others as one, or left out and renormalised.

    A dense teacher [B, L, N] is reduced to its k likeliest. A stored one gives log-probabilities [B, L, K] and, in the
    context, ``teacher_indices`` [B, L, K]; what is left for the other classes is known at temperature 1 only. With
    ``rest: bucket`` it is a lower bound of the dense KL, which it becomes at k = N.
    """

    name = "top_k_kl"

    def __init__(self, options: TopKOptions) -> None:
        super().__init__(options)
        self.k, self.bucket = options.k, options.rest == "bucket"

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        indices, T = context.get("teacher_indices"), self.temperature.at(context)
        if teacher is None or (indices is None and teacher.shape != student.shape):
            raise ValueError("top_k_kl needs a teacher of the student's shape, or teacher_indices in the context")
        keep = counted(student.shape[:-1], target, context)
        s, t = (z.flatten(0, -2) if keep is None else z[keep] for z in (student, teacher))
        if indices is None:
            return mean_of(self._dense(s / T, t / T)) * T * T
        where = indices.flatten(0, -2) if keep is None else indices[keep]
        return mean_of(self._stored(s / T, t, where, T)) * T * T

    def _dense(self, s: Tensor, t: Tensor) -> Tensor:
        if self.k >= t.shape[-1]:
            return rows_kl(log_probabilities(s), log_probabilities(t))
        where = t.topk(self.k, -1).indices
        if not self.bucket:
            return self._among(s, t.gather(-1, where), where)
        return rows_kl(self._with_rest(s, where), self._with_rest(t, where))

    def _stored(self, s: Tensor, log_p: Tensor, where: Tensor, T: float | Tensor) -> Tensor:
        if not self.bucket or where.shape[-1] == s.shape[-1]:
            return self._among(s, log_p / T, where)
        if not isinstance(T, float) or T != 1:
            raise ValueError(f"top_k_kl: a stored teacher's rest is known at temperature 1 only (got {T})")
        total = log_p.logsumexp(-1, keepdim=True).clamp(max=CERTAIN)
        rest = (-total.expm1()).log()
        return rows_kl(self._with_rest(s, where), torch.cat([log_p.clamp(min=IMPOSSIBLE), rest], -1))

    @staticmethod
    def _among(s: Tensor, t: Tensor, where: Tensor) -> Tensor:
        """Among the chosen classes alone, both sides renormalised."""
        return rows_kl(log_probabilities(s.gather(-1, where)), log_probabilities(t))

    @staticmethod
    def _with_rest(logits: Tensor, where: Tensor) -> Tensor:
        """Log-probabilities of the chosen classes, and of all others together."""
        others = logits.scatter(-1, where, -torch.inf).logsumexp(-1, keepdim=True)
        chosen = logits.gather(-1, where)
        return log_probabilities(torch.cat([chosen, others], -1))


CLASSES: Classes = {
    "reverse_kl": ReverseKL,
    "symmetric_kl": SymmetricKL,
    "jsd": JensenShannon,
    "skew_kl": SkewKL,
    "tvd": TotalVariation,
    "top_k_kl": TopKL,
}
