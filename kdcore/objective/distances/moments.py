"""Distances between distributions by their means and covariances."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Shape
from kdcore.objective.distances.bures import bures, bures_of_rows
from kdcore.objective.distances.kernels import MMD
from kdcore.objective.distances.memory import Memory, Sample
from kdcore.objective.distances.samples import Between
from kdcore.objective.shared import once
from kdcore.spec.rooms.distributions import GaussianKLOptions, GaussianOptions, MomentOptions


@dataclass(frozen=True)
class Moments:
    """A mean [D], and variances [D] or a covariance [D, D]."""

    mean: Tensor
    spread: Tensor

    def mixed(self, other: Moments, share: float) -> Moments:
        """Those of ``share`` of this distribution and the rest of ``other``."""
        gap, rest = self.mean - other.mean, 1 - share
        apart = gap.square() if self.spread.dim() == 1 else torch.outer(gap, gap)
        spread = share * self.spread + rest * other.spread + share * rest * apart
        return Moments(share * self.mean + rest * other.mean, spread)


def variances(rows: Tensor) -> Moments:
    """Mean and variance by dimension (correction 0)."""
    return Moments(rows.mean(0), rows.var(0, correction=0))


def covariance(rows: Tensor) -> Moments:
    """Mean and covariance matrix (correction 0)."""
    centred = _centred(rows)
    return Moments(rows.mean(0), centred.T @ centred / len(rows))


def unbiased_covariance(rows: Tensor) -> Moments:
    """Mean and covariance matrix (correction 1)."""
    centred = _centred(rows)
    return Moments(rows.mean(0), centred.T @ centred / (len(rows) - 1))


def _centred(rows: Tensor) -> Tensor:
    return rows - rows.mean(0)


class MovingMoments(Memory):
    """The teacher's moments over the steps: each step keeps ``share`` of what was.

    Args:
        moments: of rows [N, D].
        share: 0 to 1.
    """

    NAMES = ("mean", "spread")
    mean: Tensor | None
    spread: Tensor | None

    def __init__(self, moments: Callable[[Tensor], Moments], share: float) -> None:
        super().__init__()
        self.moments, self.share = moments, share
        for name in self.NAMES:
            self.register_buffer(name, None)

    def build(self, width: int) -> None:
        """Room for the moments of features of ``width``."""
        empty = self.moments(torch.zeros(2, width, device=self.filled.device))
        self.mean, self.spread = empty.mean, empty.spread

    def blended(self, sample: Sample) -> Moments:
        """The sample's moments, mixed with what is remembered."""
        latest = self.moments(sample.rows)
        if int(self.filled) == 0:
            return latest
        assert self.mean is not None
        assert self.spread is not None
        return Moments(self.mean.to(latest.mean), self.spread.to(latest.mean)).mixed(latest, self.share)

    def take(self, sample: Sample) -> None:
        """One step on."""
        now = self.blended(sample)
        self.mean, self.spread, self.filled = now.mean, now.spread, self.filled + len(sample)


class ByMoments(Between):
    """A distance that follows from both sides' moments.

    Args:
        moments: of rows [N, D], as the formula takes them.
    """

    least = 2

    def __init__(self, options: MomentOptions, moments: Callable[[Tensor], Moments]) -> None:
        super().__init__(options)
        self.moments = moments
        self.moving = MovingMoments(moments, options.moving) if options.moving else None

    def size(self, student: Shape, teacher: Shape, samples: int) -> None:
        super().size(student, teacher, samples)
        if self.moving is not None:
            self.moving.build(prod(teacher[1:]))

    def advance(self) -> None:
        super().advance()
        if self.moving is not None:
            self.moving.advance()

    def between(self, own: Sample, followed: Sample, context: Context | None = None) -> Tensor:
        mine = once(context, self.moments, own.rows)
        if self.moving is None:
            return self.apart(mine, once(context, self.moments, followed.rows))
        self.moving.show(followed)
        return self.apart(mine, self.moving.blended(followed))

    @abstractmethod
    def apart(self, own: Moments, followed: Moments) -> Tensor:
        """The distance of two distributions with these moments."""


class GaussianWasserstein(ByMoments):
    """``||μ_s - μ_t||² + ||σ_s - σ_t||²``, or Bures' form with full covariances.

    KD2M's code (diagonal); Dowson, Landau 1982 (full): ``tr(A + B - 2 (A^½ B A^½)^½)``, computed in float64. A batch
    smaller than the width has singular covariances, which are allowed; ``shrinkage`` moves them towards their mean
    variance.
    """

    def __init__(self, options: GaussianOptions) -> None:
        full = options.covariance == "full"
        super().__init__(options, covariance if full else variances)
        self.full, self.shrinkage = full, options.shrinkage
        self.least = 2 if self.full else 1

    def between(self, own: Sample, followed: Sample, context: Context | None = None) -> Tensor:
        few = max(len(own), len(followed)) < own.rows.shape[1]
        if not self.full or not few or self.moving is not None or self.shrinkage:
            return super().between(own, followed, context)
        means = (own.rows.mean(0) - followed.rows.mean(0)).square().sum()
        factors = [_centred(side.rows.double()) / len(side) ** 0.5 for side in (own, followed)]
        return means + bures_of_rows(factors[0], factors[1]).to(means.dtype)

    def apart(self, own: Moments, followed: Moments) -> Tensor:
        means = (own.mean - followed.mean).square().sum()
        if not self.full:
            return means + (root(own.spread) - root(followed.spread)).square().sum()
        return means + bures(self._shrunk(own.spread), self._shrunk(followed.spread)).to(means.dtype)

    def _shrunk(self, matrix: Tensor) -> Tensor:
        matrix = matrix.double()
        eye = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
        return (1 - self.shrinkage) * matrix + self.shrinkage * matrix.diagonal().mean() * eye


def root(variance: Tensor) -> Tensor:
    """The square root with a finite slope at zero."""
    return variance.clamp(min=torch.finfo(variance.dtype).tiny ** 0.5).sqrt()


class GaussianKL(ByMoments):
    """``KL(N_s || N_t)``, or the reverse, of diagonal Gaussians with the batches' moments, summed over dimensions.

    KD2M's code, with its 1e-9 beside the variances. A class with one sample has no variance and is left out.
    """

    def __init__(self, options: GaussianKLOptions) -> None:
        super().__init__(options, variances)
        self.from_student = options.direction == "student"
        self.epsilon, self.shrinkage = options.epsilon, options.shrinkage

    def apart(self, own: Moments, followed: Moments) -> Tensor:
        p, q = (own, followed) if self.from_student else (followed, own)
        var_p, var_q = (
            (1 - self.shrinkage) * side.spread + self.shrinkage * side.spread.mean() + self.epsilon for side in (p, q)
        )
        return 0.5 * ((var_q / var_p).log() + (var_p + (p.mean - q.mean).square()) / var_q - 1).sum()


class Coral(ByMoments):
    """``||cov(s) - cov(t)||² / (4 d²)`` with Bessel's correction. Sun, Saenko 2016, equation 1."""

    def __init__(self, options: MomentOptions) -> None:
        super().__init__(options, unbiased_covariance)

    def apart(self, own: Moments, followed: Moments) -> Tensor:
        return (own.spread - followed.spread).square().sum() / (4 * len(own.mean) ** 2)


CLASSES: Classes = {
    "gaussian_wasserstein": GaussianWasserstein,
    "gaussian_kl": GaussianKL,
    "mmd": MMD,
    "coral": Coral,
}
