"""Logit distances that take the target class apart, or standardise and correlate what networks say."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.masks import UNLABELLED
from kdcore.objective.distances.temperature import Temperature
from kdcore.spec.rooms.logits import DISTOptions, DKDOptions, NKDOptions, OFAOptions, StandardisedOptions


def of_pictures(student: Tensor, teacher: Tensor | None, name: str) -> Tensor:
    """The teacher's logits, once both sides are known to be logits of pictures, [B, N].

    Raises:
        ValueError: other shapes on both sides, or logits of tokens.
    """
    followed = same_shape(student, teacher, name)
    if student.ndim != 2:
        raise ValueError(f"{name} compares logits [B, N] of whole pictures (got {tuple(student.shape)}): use kl or jsd")
    return followed


def labelled(student: Tensor, teacher: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Only the rows whose label is known."""
    known = target != UNLABELLED
    return student[known], teacher[known], target[known]


def without_target(logits: Tensor, target: Tensor) -> Tensor:
    """The logits [B, N] of all classes but each row's target: [B, N - 1]."""
    keep = torch.ones_like(logits, dtype=torch.bool).scatter_(1, target[:, None], False)
    return logits[keep].view(len(logits), logits.shape[1] - 1)


def target_and_rest(logits: Tensor, target: Tensor) -> Tensor:
    """Log-probabilities of the target and of all other classes together: [B, 2], exact for confident logits."""
    own = logits.gather(1, target[:, None]).squeeze(1)
    rest = without_target(logits, target).logsumexp(1)
    return F.log_softmax(torch.stack([own, rest], 1), 1)


def rows_kl(log_q: Tensor, log_p: Tensor) -> Tensor:
    """KL(p || q) of each row, from log-probabilities."""
    return F.kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1)


def mean_of(rows: Tensor, anchor: Tensor) -> Tensor:
    """Mean over rows; zero with a zero gradient when there is none."""
    return rows.mean() if len(rows) else anchor.sum() * 0


class DKD(Distance):
    """``T² (alpha KL(b_p || b_q) + beta KL(p^ || q^))``: target against rest, and the rest renormalised.

    Zhao et al. 2022, equation 7. Shapes: [B, N] with N > 2, target [B]; rows without a label do not count. In the log
    domain throughout, so confident logits stay finite.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"target"})

    def __init__(self, options: DKDOptions) -> None:
        super().__init__()
        self.options = options
        self.temperature = Temperature(options.temperature)

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = of_pictures(student, teacher, "dkd")
        assert target is not None
        if student.shape[1] < 3:
            raise ValueError("dkd needs three classes or more: with two there is no rest to compare; use kl")
        o, T = self.options, self.temperature.at(context)
        s, t, y = labelled(student / T, followed / T, target)
        target_term = rows_kl(target_and_rest(s, y), target_and_rest(t, y))
        rest_term = rows_kl(F.log_softmax(without_target(s, y), 1), F.log_softmax(without_target(t, y), 1))
        return mean_of(o.alpha * target_term + o.beta * rest_term, student) * T * T


class NKD(Distance):
    """``-p_t log q_t - gamma T² Σ p^ log q^`` with the non-target classes renormalised at temperature T.

    Yang et al. 2023, equation 8. Not zero at equality: both terms are cross-entropies.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"target"})

    def __init__(self, options: NKDOptions) -> None:
        super().__init__()
        self.options = options
        self.temperature = Temperature(options.temperature)

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = of_pictures(student, teacher, "nkd")
        assert target is not None
        T = self.temperature.at(context)
        s, t, y = labelled(student, followed, target)
        log_q = F.log_softmax(s, 1).gather(1, y[:, None]).squeeze(1)
        p = F.softmax(t, 1).gather(1, y[:, None]).squeeze(1)
        rest_log_q = F.log_softmax(without_target(s, y) / T, 1)
        rest_p = F.softmax(without_target(t, y) / T, 1)
        rest = (rest_p * rest_log_q).sum(1)
        return mean_of(-p * log_q - self.options.gamma * T * T * rest, student)


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's correlation of the rows, with the authors' 1e-8 beside the product of norms."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    norms = torch.linalg.vector_norm(a, dim=1) * torch.linalg.vector_norm(b, dim=1)
    cosine: Tensor = (a * b).sum(1) / (norms + 1e-8)
    return cosine


class DIST(Distance):
    """``T² (beta mean(1 - rho(rows)) + gamma mean(1 - rho(columns)))`` of the softened probabilities.

    Huang et al. 2022, equations 8 to 10. Shapes: [B, N]. Invariant to a positive affine change of a row's
    probabilities; a correlation is subtracted, so identical answers cost nothing (up to the 1e-8).
    """

    def __init__(self, options: DISTOptions) -> None:
        super().__init__()
        self.options = options
        self.temperature = Temperature(options.temperature)

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = of_pictures(student, teacher, "dist")
        o, T = self.options, self.temperature.at(context)
        q, p = F.softmax(student / T, 1), F.softmax(followed / T, 1)
        within_samples = 1 - correlation(q, p).mean()
        within_classes = 1 - correlation(q.T, p.T).mean()
        loss: Tensor = (o.beta * within_samples + o.gamma * within_classes) * T * T
        return loss


class StandardisedKL(Distance):
    """``T² KL`` of logits standardised by row: ``(z - mean) / (std + 1e-7)`` with Bessel's correction.

    Sun et al. 2024, algorithm 1. Invariant to a positive affine change of a row's logits.
    """

    def __init__(self, options: StandardisedOptions) -> None:
        super().__init__()
        self.temperature = Temperature(options.temperature)

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "standardised_kl")
        T = self.temperature.at(context)
        log_q, log_p = (F.log_softmax(self._standard(z) / T, -1) for z in (student, followed))
        return rows_kl(log_q, log_p).mean() * T * T

    @staticmethod
    def _standard(logits: Tensor) -> Tensor:
        centred = logits - logits.mean(-1, keepdim=True)
        # The root's slope at zero is infinite: constant rows are kept finite by the smallest normal number.
        variance = centred.square().sum(-1, keepdim=True) / (logits.shape[-1] - 1)
        return centred / (variance.clamp(min=torch.finfo(logits.dtype).tiny).sqrt() + 1e-7)


class WSLD(Distance):
    """``T² w H(p, q)``, with ``w = 1 - exp(-CE_s / CE_t)`` of the unsoftened logits, without gradient.

    Zhou et al. 2021, equation 9: samples on which the student lags behind the teacher count more. A cross-entropy, so
    not zero at equality. Rows without a label do not count.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"target"})

    def __init__(self, options: StandardisedOptions) -> None:
        super().__init__()
        self.temperature = Temperature(options.temperature)

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = of_pictures(student, teacher, "wsld")
        assert target is not None
        T = self.temperature.at(context)
        s, t, y = labelled(student, followed, target)
        soft = -(F.softmax(t / T, 1) * F.log_softmax(s / T, 1)).sum(1)
        lag = F.cross_entropy(s.detach(), y, reduction="none") / (F.cross_entropy(t, y, reduction="none") + 1e-7)
        return mean_of((1 - torch.exp(-lag)) * soft, student) * T * T


class OFA(Distance):
    """``-Σ ((p + 1_y)^e - 1_y) log q``: the teacher's target probability is sharpened by the exponent e.

    Hao et al. 2023, equation 6. Shapes: [B, N]; rows without a label do not count.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"target"})

    def __init__(self, options: OFAOptions) -> None:
        super().__init__()
        self.options = options
        self.temperature = Temperature(options.temperature)

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = of_pictures(student, teacher, "ofa")
        assert target is not None
        T = self.temperature.at(context)
        s, t, y = labelled(student / T, followed / T, target)
        mask = F.one_hot(y, s.shape[1]).to(s.dtype)
        weight = (F.softmax(t, 1) + mask) ** self.options.sharpness - mask
        return mean_of(-(weight * F.log_softmax(s, 1)).sum(1), student)


CLASSES: Classes = {
    "dkd": DKD,
    "nkd": NKD,
    "dist": DIST,
    "standardised_kl": StandardisedKL,
    "wsld": WSLD,
    "ofa": OFA,
}
