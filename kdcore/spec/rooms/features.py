"""Distances between features, sample by sample."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import NoOptions, Piece, Table


class HintOptions(Strict):
    """``normalise: teacher`` divides by the teacher's mean squared norm a position; ``none`` is the plain sum."""

    normalise: Literal["teacher", "none"] = "none"


class AttentionOptions(Strict):
    """Exponent of the activations before they are summed over channels."""

    power: float = Field(default=2, gt=0, le=10)


class FactorOptions(Strict):
    """Exponent of the norm between the unit factors."""

    power: float = Field(default=1, gt=0, le=10)


class MarginOptions(Strict):
    """The margin that a pre-activation keeps from zero."""

    margin: float = Field(default=1, gt=0)


class PartialOptions(Strict):
    """Where the teacher is at or below the margin and the student below the teacher, nothing is asked."""

    margin: float = Field(default=0, le=0)


class ChannelOptions(Strict):
    """Softening of each channel's map before it is read as a distribution over positions."""

    temperature: float = Field(default=4, gt=0, le=1000)


FEATURES: Table = {
    "hint": Piece(
        HintOptions,
        "Half the squared distance, summed over channels, averaged over batch and positions.",
        "Romero et al. 2015 (arXiv 1412.6550), equation 3",
        "features",
        batch_coupled=lambda options: options.normalise == "teacher",
    ),
    "mse": Piece(NoOptions, "Mean squared difference over all elements.", "", "features"),
    "smooth_l1": Piece(NoOptions, "Huber's loss with threshold 1, averaged over all elements.", "", "features"),
    "cosine": Piece(NoOptions, "One minus the cosine of each position's features.", "", "features"),
    "at": Piece(
        AttentionOptions,
        "Mean squared difference of the unit attention maps; the larger map is pooled to the smaller.",
        "Zagoruyko, Komodakis 2017 (arXiv 1612.03928), equation 2, with the mean of its published code",
        "features",
        adapts=False,
        maps=True,
    ),
    "ft": Piece(
        FactorOptions,
        "Distance of the unit factors, averaged over all elements.",
        "Kim et al. 2018 (arXiv 1802.04977), equation 3",
        "features",
    ),
    "ab": Piece(
        MarginOptions,
        "Squared hinge on pre-activations whose sign differs from the teacher's, summed and divided by the batch.",
        "Heo et al. 2019 (arXiv 1811.03233), equation 4",
        "features",
    ),
    "ofd": Piece(
        PartialOptions,
        "Squared distance to the margin-rectified teacher, not counting what lies below it on both sides.",
        "Heo et al. 2019 (arXiv 1904.01866), equations 1 and 3",
        "features",
    ),
    "hcl": Piece(
        NoOptions,
        "Mean squared differences at full size and pooled to 4, 2 and 1, with halving weights.",
        "Chen et al. 2021 (ReviewKD, arXiv 2104.09044), section 3.3",
        "features",
        maps=True,
    ),
    "cwd": Piece(
        ChannelOptions,
        "T² times the divergence of each channel's map as a distribution over positions, averaged over channels.",
        "Shu et al. 2021 (arXiv 2011.13256), equation 6",
        "features",
        maps=True,
    ),
    "pkd": Piece(
        NoOptions,
        "Half the mean squared difference of features standardised by channel: one minus Pearson's correlation.",
        "Cao et al. 2022 (arXiv 2207.02039), equation 4",
        "features",
        maps=True,
        batch_coupled=True,
    ),
}
