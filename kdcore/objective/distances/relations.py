"""Distances between the relations of a batch: each is a few matrix products, whatever the number of channels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.maps import as_maps, to_smaller
from kdcore.objective.distances.plans import ALIKE, exact_squared_distances
from kdcore.objective.distances.samples import rows_of
from kdcore.objective.shared import once
from kdcore.spec.rooms.piece import NoOptions
from kdcore.spec.rooms.relations import RKDOptions

EPSILON = 1e-7
"""Of PKT's published code, beside norms and probabilities."""


class SimilarityPreserving(Distance):
    """``||n(F_s F_s') - n(F_t F_t')||² / B²`` with rows of unit L2 norm.

    Tung, Mori 2019, equation 4. Any shapes [B, ...] with equal B. Invariant to scale and rotation, not to a shift.
    """

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        own, followed = (once(context, _similarities, side) for side in (student, teacher))
        return (own - followed).square().sum() / len(student) ** 2


def _similarities(feature: Tensor) -> Tensor:
    rows = feature.flatten(1)
    return F.normalize(rows @ rows.T, dim=1)


class Relational(Distance):
    """``w_d smooth_l1(relative distances) + w_a smooth_l1(angles)`` over all pairs and triples of the batch.

    Park et al. 2019, equations 5 and 8. Any shapes [B, ...] with equal B. Invariant to scale, rotation and shift.
    The angles follow from the distances by the law of cosines, so that one matrix product serves both. Rows nearer
    than a millionth of the largest distance count as one: they have no distance and no angle.
    """

    def __init__(self, options: RKDOptions) -> None:
        super().__init__()
        self.options = options

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        (s, s_angles), (t, t_angles) = (self._arrangement(side, context) for side in (student, teacher))
        distances, angles = F.smooth_l1_loss(s, t), F.smooth_l1_loss(s_angles, t_angles)
        return self.options.distance_weight * distances + self.options.angle_weight * angles

    @staticmethod
    def _arrangement(feature: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """Distances [B, B] and angles [B, B, B] of a batch."""
        rows = once(context, rows_of, feature)
        squared = once(context, exact_squared_distances, rows, rows)
        return once(context, _relative_distances, squared), once(context, _angles, squared)


def _relative_distances(squared: Tensor) -> Tensor:
    """Pairwise distances over their mean."""
    squared, apart = _scaled(squared)
    distances = torch.where(apart, squared, 1.0).sqrt() * apart
    return distances / (distances.sum() / apart.sum().clamp(min=1)).clamp(min=torch.finfo(squared.dtype).tiny)


def _angles(squared: Tensor) -> Tensor:
    """Cosine of the angle at i between j and k, for all triples: ``(d_ij² + d_ik² - d_jk²) / (2 d_ij d_ik)``."""
    squared, apart = _scaled(squared)
    nearness = torch.where(apart, squared, 1.0).rsqrt() * apart
    gaps = squared[:, :, None] + squared[:, None] - squared[None]
    return nearness[:, :, None] * nearness[:, None] * gaps / 2


def _scaled(squared: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distances in units of the largest, which no relation sees, and which pairs are apart.

    A root at zero would have an infinite slope, so pairs that are alike have none; what is not finite stays so.
    """
    largest = squared.detach().max().clamp(min=torch.finfo(squared.dtype).tiny)
    relative = squared / largest
    return relative, ~(relative <= ALIKE)


class ProbabilisticTransfer(Distance):
    """``mean p log(p / q)``: p and q are the row-normalised ``(cos + 1) / 2`` of the teacher's and student's batch.

    Passalis, Tefas 2018, equation 8, with the mean of the published code. Any shapes [B, ...] with equal B.
    """

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        q, p = (once(context, _neighbours, side) for side in (student, teacher))
        return (p * ((p + EPSILON) / (q + EPSILON)).log()).mean()


def _neighbours(feature: Tensor) -> Tensor:
    rows = feature.flatten(1)
    squared = rows.square().sum(1, keepdim=True).clamp(min=torch.finfo(rows.dtype).tiny)
    unit = rows / (squared.sqrt() + EPSILON)
    similar = (unit @ unit.T + 1) / 2
    return similar / similar.sum(1, keepdim=True)


class Correlation(Distance):
    """``mean |Σ_d |δ_i| |δ_{i+1}||`` with ``δ = s - t`` of neighbouring samples in the batch.

    The form that the published codes of correlation congruence (Peng et al. 2019) share. Equal shapes [B, ...]; a batch
    of one has no neighbours and costs nothing.
    """

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        delta = (student - same_shape(student, teacher, "cc")).abs().flatten(1)
        products = (delta[:-1] * delta[1:]).sum(1)
        return products.mean() if len(products) else delta.sum() * 0


class ChannelCorrelation(Distance):
    """``Σ_b ||n(F_b F_b') - n(T_b T_b')||² / (C B²)`` of the channels' Gram matrices with rows of unit norm.

    Liu et al. 2021 (ICKD), with the reduction of its published code. Maps [B, C, ...] of equal channels.
    """

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        count, channels = student.shape[:2]
        if min(student.ndim, teacher.ndim) < 3:
            shapes = f"student {tuple(student.shape)}, teacher {tuple(teacher.shape)}"
            raise ValueError(f"ickd relates channels over positions ({shapes}): choose layers with positions")
        if teacher.shape[1] != channels:
            raise ValueError(
                f"ickd needs equal channels (student {channels}, teacher {teacher.shape[1]}); use an adapter"
            )
        own, followed = (once(context, _channels, side) for side in (student, teacher))
        return (own - followed).square().sum() / (channels * count**2)


def _channels(feature: Tensor) -> Tensor:
    maps = feature.flatten(2)
    return F.normalize(maps @ maps.transpose(1, 2), dim=2)


class NeuronSelectivity(Distance):
    """``mean k(t, t) + mean k(s, s) - 2 mean k(s, t)``, k the squared dot product of unit channel maps.

    Huang, Wang 2017, equation 7 with the polynomial kernel. Maps [B, C, H, W] of any channels. Three matrix products.
    """

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        pooled = to_smaller(as_maps(student, "nst"), as_maps(teacher, "nst"), context)
        s, t = (once(context, _selective, side) for side in pooled)
        own, followed, across = (once(context, _alike, *pair) for pair in ((s, s), (t, t), (s, t)))
        return followed + own - 2 * across


def _selective(maps: Tensor) -> Tensor:
    """Each channel's map of unit length."""
    return F.normalize(maps.flatten(2), dim=2)


def _alike(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.transpose(1, 2)).square().mean()


CLASSES: Classes = {
    "sp": SimilarityPreserving,
    "rkd": Relational,
    "pkt": ProbabilisticTransfer,
    "cc": Correlation,
    "ickd": ChannelCorrelation,
    "nst": NeuronSelectivity,
}
