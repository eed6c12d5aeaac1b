"""Distances between distributions by their moments or kernels; class by class where that is asked for."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.transport import exact_squared_distances
from kdcore.spec.rooms.distributions import ConditionalOptions, GaussianKLOptions, GaussianOptions, MMDOptions


class ByClass(Distance):
    """A distance of two samples, taken over the whole batch, or class by class with each class's share as weight.

    A class with fewer than ``least`` samples in the batch says nothing and is left out; when that leaves none, the
    loss is zero with a zero gradient. Pictures without a label are a class of their own.
    """

    least = 1

    def __init__(self, options: ConditionalOptions) -> None:
        super().__init__()
        self.conditional = options.conditional

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, type(self).__name__).flatten(1)
        rows = student.flatten(1)
        if not self.conditional:
            return self.between(rows, followed) if len(rows) >= self.least else rows.sum() * 0
        if target is None:
            raise ValueError(f"{type(self).__name__} with conditional: true needs target")
        total, counted = rows.sum() * 0, 0
        for label in torch.unique(target):
            chosen = target == label
            size = int(chosen.sum())
            if size >= self.least:
                total, counted = total + size * self.between(rows[chosen], followed[chosen]), counted + size
        return total / max(counted, 1)

    @abstractmethod
    def between(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The distance of two samples [N, D]."""


def moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (correction 0) by dimension."""
    return rows.mean(0), rows.var(0, correction=0)


def root(variance: Tensor) -> Tensor:
    """The square root with a finite slope at zero."""
    return variance.clamp(min=torch.finfo(variance.dtype).tiny ** 0.5).sqrt()


class GaussianWasserstein(ByClass):
    """``||μ_s - μ_t||² + ||σ_s - σ_t||²``, or Bures' form with full covariances.

    KD2M's code (diagonal); Dowson, Landau 1982 (full): ``tr(A + B - 2 (A^½ B A^½)^½)``, computed in float64 with
    covariances shrunk towards their mean variance, because a batch smaller than the width has singular ones.
    """

    def __init__(self, options: GaussianOptions) -> None:
        super().__init__(options)
        self.full, self.shrinkage = options.covariance == "full", options.shrinkage
        self.least = 2 if self.full else 1

    def between(self, student: Tensor, teacher: Tensor) -> Tensor:
        (mean_s, var_s), (mean_t, var_t) = moments(student), moments(teacher)
        means = (mean_s - mean_t).square().sum()
        if not self.full:
            return means + (root(var_s) - root(var_t)).square().sum()
        return means + bures(self._covariance(student), self._covariance(teacher)).to(means.dtype)

    def _covariance(self, rows: Tensor) -> Tensor:
        centred = (rows - rows.mean(0)).double()
        covariance = centred.T @ centred / len(rows)
        level = covariance.diagonal().mean()
        eye = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
        return (1 - self.shrinkage) * covariance + self.shrinkage * level * eye


def bures(a: Tensor, b: Tensor) -> Tensor:
    """``tr(A + B - 2 (A^½ B A^½)^½)`` of symmetric matrices without negative eigenvalues.

    The last trace is the nuclear norm of ``A^½ B^½``; the roots' eigenvalues are kept above zero by a rounding error.
    """
    distance: Tensor = a.trace() + b.trace() - 2 * torch.linalg.matrix_norm(_root_of(a) @ _root_of(b), "nuc")
    return distance


def _root_of(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    floor = torch.finfo(matrix.dtype).eps * values.detach().abs().max()
    root_: Tensor = (vectors * values.clamp(min=floor + torch.finfo(matrix.dtype).tiny).sqrt()) @ vectors.T
    return root_


class GaussianKL(ByClass):
    """``KL(N_s || N_t)``, or the reverse, of diagonal Gaussians with the batches' moments, summed over dimensions.

    KD2M's code, with its 1e-9 beside the variances. A class with one sample has no variance and is left out.
    """

    least = 2
    EPSILON = 1e-9

    def __init__(self, options: GaussianKLOptions) -> None:
        super().__init__(options)
        self.from_student = options.direction == "student"

    def between(self, student: Tensor, teacher: Tensor) -> Tensor:
        first, second = (student, teacher) if self.from_student else (teacher, student)
        (mean_p, var_p), (mean_q, var_q) = moments(first), moments(second)
        var_p, var_q = var_p + self.EPSILON, var_q + self.EPSILON
        return 0.5 * ((var_q / var_p).log() + (var_p + (mean_p - mean_q).square()) / var_q - 1).sum()


class MMD(ByClass):
    """``mean k(s, s) + mean k(t, t) - 2 mean k(s, t)``, the biased V-statistic.

    KD2M's code: ``rbf`` has ``γ = 1 / (2 σ²)`` with σ the mean distance of the pooled sample, without gradient;
    ``multi`` averages the kernels of σ times ½, √½, 1, √2, 2; ``linear`` is the squared distance of the means.
    """

    WIDTHS = (0.5, 0.5**0.5, 1.0, 2**0.5, 2.0)

    def __init__(self, options: MMDOptions) -> None:
        super().__init__(options)
        self.kernel = options.kernel

    def between(self, student: Tensor, teacher: Tensor) -> Tensor:
        if self.kernel == "linear":
            return (student.mean(0) - teacher.mean(0)).square().sum()
        pooled = torch.cat([student, teacher])
        squared = exact_squared_distances(pooled, pooled)
        with torch.no_grad():
            width = squared.sqrt().mean().clamp(min=torch.finfo(squared.dtype).tiny ** 0.25)
        widths = self.WIDTHS if self.kernel == "multi" else (1.0,)
        kernel = torch.stack([torch.exp(-squared / (2 * (factor * width) ** 2)) for factor in widths]).mean(0)
        count = len(student)
        return kernel[:count, :count].mean() + kernel[count:, count:].mean() - 2 * kernel[:count, count:].mean()


class Coral(ByClass):
    """``||cov(s) - cov(t)||² / (4 d²)`` with Bessel's correction. Sun, Saenko 2016, equation 1."""

    least = 2

    def between(self, student: Tensor, teacher: Tensor) -> Tensor:
        gap = _covariance(student) - _covariance(teacher)
        return gap.square().sum() / (4 * student.shape[1] ** 2)


def _covariance(rows: Tensor) -> Tensor:
    centred = rows - rows.mean(0)
    return centred.T @ centred / (len(rows) - 1)


CLASSES: Classes = {
    "gaussian_wasserstein": GaussianWasserstein,
    "gaussian_kl": GaussianKL,
    "mmd": MMD,
    "coral": Coral,
}
