"""Distances between the relations of a batch: each is a few matrix products, whatever the number of channels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.maps import as_maps, to_smaller
from kdcore.spec.rooms.piece import NoOptions
from kdcore.spec.rooms.relations import RKDOptions


class SimilarityPreserving(Distance):
    """``||n(F_s F_s') - n(F_t F_t')||² / B²`` with rows of unit L2 norm.

    Tung, Mori 2019, equation 4. Any shapes [B, ...] with equal B. Invariant to scale and rotation, not to a shift.
    """

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        grams = [F.normalize(rows @ rows.T, dim=1) for rows in (student.flatten(1), teacher.flatten(1))]
        return (grams[0] - grams[1]).square().sum() / len(student) ** 2


class Relational(Distance):
    """``w_d smooth_l1(relative distances) + w_a smooth_l1(angles)`` over all pairs and triples of the batch.

    Park et al. 2019, equations 5 and 8. Any shapes [B, ...] with equal B. Invariant to scale, rotation and shift.
    """

    def __init__(self, options: RKDOptions) -> None:
        super().__init__()
        self.options = options

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        s, t = student.flatten(1), teacher.flatten(1)
        distances = F.smooth_l1_loss(self._distances(s), self._distances(t))
        angles = F.smooth_l1_loss(self._angles(s), self._angles(t))
        return self.options.distance_weight * distances + self.options.angle_weight * angles

    @staticmethod
    def _distances(rows: Tensor) -> Tensor:
        """Pairwise distances over their mean; a root at zero would have an infinite slope, so pairs alike have none."""
        squared = (rows[:, None] - rows[None]).square().sum(2)
        apart = squared > 0
        distances = torch.where(apart, squared, 1.0).sqrt() * apart
        return distances / (distances.sum() / apart.sum().clamp(min=1)).clamp(min=torch.finfo(rows.dtype).tiny)

    @staticmethod
    def _angles(rows: Tensor) -> Tensor:
        """Cosine of the angle at i between j and k, for all triples: [B, B, B]."""
        directions = F.normalize(rows[None] - rows[:, None], dim=2)
        return directions @ directions.transpose(1, 2)


class ProbabilisticTransfer(Distance):
    """``mean p log(p / q)``: p and q are the row-normalised ``(cos + 1) / 2`` of the teacher's and student's batch.

    Passalis, Tefas 2018, equation 8, with the mean of the published code. Any shapes [B, ...] with equal B.
    """

    EPSILON = 1e-7

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        q, p = self._neighbours(student), self._neighbours(teacher)
        return (p * ((p + self.EPSILON) / (q + self.EPSILON)).log()).mean()

    def _neighbours(self, feature: Tensor) -> Tensor:
        rows = feature.flatten(1)
        squared = rows.square().sum(1, keepdim=True).clamp(min=torch.finfo(rows.dtype).tiny)
        unit = rows / (squared.sqrt() + self.EPSILON)
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
        grams = [F.normalize(f @ f.transpose(1, 2), dim=2) for f in (student.flatten(2), teacher.flatten(2))]
        return (grams[0] - grams[1]).square().sum() / (channels * count**2)


class NeuronSelectivity(Distance):
    """``mean k(t, t) + mean k(s, s) - 2 mean k(s, t)``, k the squared dot product of unit channel maps.

    Huang, Wang 2017, equation 7 with the polynomial kernel. Maps [B, C, H, W] of any channels. Three matrix products.
    """

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        s, t = to_smaller(as_maps(student, "nst"), as_maps(teacher, "nst"))
        s, t = F.normalize(s.flatten(2), dim=2), F.normalize(t.flatten(2), dim=2)
        return self._kernel(t, t) + self._kernel(s, s) - 2 * self._kernel(s, t)

    @staticmethod
    def _kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.transpose(1, 2)).square().mean()


CLASSES: Classes = {
    "sp": SimilarityPreserving,
    "rkd": Relational,
    "pkt": ProbabilisticTransfer,
    "cc": Correlation,
    "ickd": ChannelCorrelation,
    "nst": NeuronSelectivity,
}
