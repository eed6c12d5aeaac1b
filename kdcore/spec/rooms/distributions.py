"""Distances between a batch of student features and one of teacher features, seen as two probability distributions.

After KD²M (Montesuma 2025, arXiv 2504.01757), whose published code gives most of the formulae.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import Piece, Table

KD2M = "Montesuma 2025 (KD2M, arXiv 2504.01757) and its published code"


class ConditionalOptions(Strict):
    """``conditional``: compare class by class instead of all at once, each class counting by its share of the batch."""

    conditional: bool = False


class WassersteinOptions(Strict):
    """Exact transport between the two batches.

    Attributes:
        given: ``nothing`` (marginal), ``class`` (only within a class), or ``label`` (labels are part of the distance).
        label_weight: of the squared difference of one-hot labels, 2 for different ones, with ``given: label``.
        relative: with ``given: label``, divide the features' cost by its largest value first, as KD2M's code does.
    """

    given: Literal["nothing", "class", "label"] = "nothing"
    label_weight: float = Field(default=1, ge=0)
    relative: bool = True


class SinkhornOptions(Strict):
    """``epsilon``: regularisation, in units of the mean cost when ``relative``; ``iterations`` of the dual updates."""

    epsilon: float = Field(default=0.05, gt=0)
    relative: bool = True
    iterations: int = Field(default=100, ge=1, le=10_000)


class SlicedOptions(Strict):
    """``projections``: random directions, drawn from ``seed`` once and kept."""

    projections: int = Field(default=128, ge=1, le=100_000)
    seed: int = Field(default=0, ge=0, lt=2**31)


class GromovOptions(Strict):
    """``metric`` within each batch; ``iterations`` of the conditional gradient."""

    metric: Literal["euclidean", "squared", "cosine"] = "euclidean"
    iterations: int = Field(default=50, ge=1, le=1000)


class GaussianOptions(ConditionalOptions):
    """``covariance``: variances only, or the full matrix with ``shrinkage`` towards its mean variance."""

    covariance: Literal["diagonal", "full"] = "diagonal"
    shrinkage: float = Field(default=1e-3, ge=0, le=1)


class GaussianKLOptions(ConditionalOptions):
    """``direction``: which side the expectation is taken under."""

    direction: Literal["student", "teacher"] = "student"


class MMDOptions(ConditionalOptions):
    """``kernel``: ``rbf`` as wide as the pooled mean distance, ``multi`` with five widths around it, or ``linear``."""

    kernel: Literal["linear", "rbf", "multi"] = "rbf"


DISTRIBUTIONS: Table = {
    "wasserstein": Piece(WassersteinOptions, "Squared 2-Wasserstein distance of the batches, exact.", KD2M, "features"),
    "sinkhorn": Piece(
        SinkhornOptions,
        "Debiased Sinkhorn divergence in the log domain.",
        "Feydy et al. 2019 (arXiv 1810.08278), equation 3",
        "features",
    ),
    "sliced_wasserstein": Piece(
        SlicedOptions,
        "Squared 2-Wasserstein distance of one-dimensional projections, averaged.",
        "Bonneel et al. 2015 (Sliced and Radon Wasserstein barycenters)",
        "features",
    ),
    "gromov_wasserstein": Piece(
        GromovOptions,
        "How differently the two batches are arranged within themselves; widths may differ.",
        "Mémoli 2011; conditional gradient as in Vayer et al. 2019 (arXiv 1805.09114), algorithm 1",
        "features",
        adapts=False,
    ),
    "gaussian_wasserstein": Piece(
        GaussianOptions, "Squared 2-Wasserstein distance of Gaussians with the batches' moments.", KD2M, "features"
    ),
    "gaussian_kl": Piece(
        GaussianKLOptions, "Divergence of diagonal Gaussians with the batches' moments.", KD2M, "features"
    ),
    "mmd": Piece(MMDOptions, "Squared maximum mean discrepancy, biased V-statistic.", KD2M, "features"),
    "coral": Piece(
        ConditionalOptions,
        "Squared Frobenius distance of the covariances, over 4 d².",
        "Sun, Saenko 2016 (arXiv 1607.01719), equation 1",
        "features",
    ),
}
