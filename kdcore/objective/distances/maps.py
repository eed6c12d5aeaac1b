"""Distances between feature maps that look at positions, signs or channels rather than at plain differences."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.decoupled import rows_kl
from kdcore.objective.shared import once
from kdcore.spec.rooms.features import (
    AttentionOptions,
    ChannelOptions,
    FactorOptions,
    MarginOptions,
    PartialOptions,
)
from kdcore.spec.rooms.piece import NoOptions


def as_maps(feature: Tensor, name: str) -> Tensor:
    """A feature map [B, C, H, W].

    Raises:
        ValueError: for features of another rank.
    """
    if feature.ndim != 4:
        raise ValueError(
            f"{name} looks at maps [B, C, H, W] (got {tuple(feature.shape)}): choose a layer with positions"
        )
    return feature


def to_smaller(student: Tensor, teacher: Tensor, context: Context) -> tuple[Tensor, Tensor]:
    """Both maps at the smaller one's height and width, by average pooling."""
    size = (min(student.shape[2], teacher.shape[2]), min(student.shape[3], teacher.shape[3]))
    return once(context, _pooled, student, size), once(context, _pooled, teacher, size)


def _pooled(feature: Tensor, size: tuple[int, int]) -> Tensor:
    return F.adaptive_avg_pool2d(feature, size)


class Attention(Distance):
    """``mean (a(s) - a(t))²`` with ``a(f) = mean_c |f|^p`` flattened to unit length.

    Zagoruyko, Komodakis 2017, equation 2, averaged over batch and positions as in their code. Maps [B, C, H, W] of any
    channels. Invariant to a positive scale and to the order of channels.
    """

    def __init__(self, options: AttentionOptions) -> None:
        super().__init__()
        self.power = options.power

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        s, t = to_smaller(as_maps(student, "at"), as_maps(teacher, "at"), context)
        own, followed = (once(context, _attention, side, self.power) for side in (s, t))
        return (own - followed).square().mean()


def _attention(feature: Tensor, power: float) -> Tensor:
    return F.normalize(feature.abs().pow(power).mean(1).flatten(1), dim=1)


class Factor(Distance):
    """``mean |u(s) - u(t)|^p`` with each sample's factor flattened to unit length.

    Kim et al. 2018, equation 3; any equal shapes [B, ...].
    """

    def __init__(self, options: FactorOptions) -> None:
        super().__init__()
        self.power = options.power

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "ft")
        gap = F.normalize(student.flatten(1), dim=1) - F.normalize(followed.flatten(1), dim=1)
        return gap.abs().pow(self.power).mean()


class ActivationBoundary(Distance):
    """``Σ [t > 0] relu(m - s)² + [t <= 0] relu(m + s)²``, divided by the batch.

    Heo et al. 2019 (AB), equation 4, on pre-activations; any equal shapes [B, ...].
    """

    def __init__(self, options: MarginOptions) -> None:
        super().__init__()
        self.margin = options.margin

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "ab")
        wanted = torch.where(followed > 0, self.margin - student, self.margin + student)
        return F.relu(wanted).square().sum() / len(student)


class PartialL2(Distance):
    """``Σ (s - max(t, m))²`` except where s <= t <= m, divided by the batch.

    Heo et al. 2019 (OFD), equations 1 and 3, with one margin for all channels. Any equal shapes [B, ...].
    """

    def __init__(self, options: PartialOptions) -> None:
        super().__init__()
        self.margin = options.margin

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "ofd").clamp(min=self.margin)
        counts = (student > followed) | (followed > 0)
        return ((student - followed).square() * counts).sum() / len(student)


class HierarchicalContext(Distance):
    """``Σ_l w_l mse(pool_l(s), pool_l(t)) / Σ w_l``, l = full, 4, 2, 1 and w = 1, ½, ¼, ⅛.

    Chen et al. 2021 (ReviewKD), section 3.3. Levels as large as the map or larger are left out, weights and all.
    """

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = as_maps(same_shape(student, teacher, "hcl"), "hcl")
        total, weight, weights = F.mse_loss(student, followed), 1.0, 1.0
        for level in (4, 2, 1):
            if level >= student.shape[2]:
                continue
            weight /= 2
            pooled = F.mse_loss(F.adaptive_avg_pool2d(student, level), F.adaptive_avg_pool2d(followed, level))
            total, weights = total + weight * pooled, weights + weight
        return total / weights


class ChannelWise(Distance):
    """``T² mean_{b,c} KL(softmax_positions(t / T) || softmax_positions(s / T))``.

    Shu et al. 2021, equation 6. Maps [B, C, H, W] of equal shapes.
    """

    def __init__(self, options: ChannelOptions) -> None:
        super().__init__()
        self.temperature = options.temperature

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = as_maps(same_shape(student, teacher, "cwd"), "cwd")
        log_q, log_p = (F.log_softmax(f.flatten(2) / self.temperature, 2) for f in (student, followed))
        return rows_kl(log_q, log_p).mean() * self.temperature**2


class PearsonOfChannels(Distance):
    """``½ mse`` of features standardised by channel over batch and positions: the mean of ``1 - rho`` over channels.

    Cao et al. 2022, equation 4. Maps [B, C, H, W] of equal shapes; a constant channel is kept finite by 1e-6.
    """

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = as_maps(same_shape(student, teacher, "pkd"), "pkd")
        return 0.5 * F.mse_loss(once(context, _standard, student), once(context, _standard, followed))


def _standard(feature: Tensor) -> Tensor:
    rows = feature.transpose(0, 1).flatten(1)
    centred = rows - rows.mean(1, keepdim=True)
    variance = centred.square().sum(1, keepdim=True) / max(rows.shape[1] - 1, 1)
    return centred / (variance.clamp(min=torch.finfo(rows.dtype).tiny).sqrt() + 1e-6)


class SmoothL1(Distance):
    """Huber's loss with threshold 1, averaged over all elements; any equal shapes."""

    token_by_token: ClassVar[bool] = True

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        return F.smooth_l1_loss(student, same_shape(student, teacher, "smooth_l1"))


class Cosine(Distance):
    """``mean (1 - cos(s, t))`` over batch and positions, along the channels (dimension 1, or the last of tokens)."""

    token_by_token: ClassVar[bool] = True

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "cosine")
        return (1 - F.cosine_similarity(student, followed, dim=-1 if student.ndim == 3 else 1)).mean()


CLASSES: Classes = {
    "smooth_l1": SmoothL1,
    "cosine": Cosine,
    "at": Attention,
    "ft": Factor,
    "ab": ActivationBoundary,
    "ofd": PartialL2,
    "hcl": HierarchicalContext,
    "cwd": ChannelWise,
    "pkd": PearsonOfChannels,
}
