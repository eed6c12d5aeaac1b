"""Distances between the relations of a batch: Gram matrices, pairwise distances, angles, kernels."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import NoOptions, Piece, Table


class RKDOptions(Strict):
    """Weights of the two relations; defaults as in mdistiller and RepDistiller."""

    distance_weight: float = Field(default=25, ge=0)
    angle_weight: float = Field(default=50, ge=0)


RELATIONS: Table = {
    "sp": Piece(
        NoOptions,
        "Squared difference of the row-normalised Gram matrices of the batch, divided by B².",
        "Tung, Mori 2019 (arXiv 1907.09682), equation 4",
        "features",
        adapts=False,
        batch_coupled=True,
    ),
    "rkd": Piece(
        RKDOptions,
        "Smooth L1 between relative distances of pairs and between angles of triples.",
        "Park et al. 2019 (arXiv 1904.05068), equations 5 and 8",
        "features",
        adapts=False,
        batch_coupled=True,
    ),
    "pkt": Piece(
        NoOptions,
        "Divergence between the neighbour probabilities that cosine similarities give.",
        "Passalis, Tefas 2018 (arXiv 1803.10837), equation 8",
        "features",
        adapts=False,
        batch_coupled=True,
    ),
    "cc": Piece(
        NoOptions,
        "Mean absolute product of neighbouring samples' differences, as the published codes of CC have it.",
        "Peng et al. 2019 (arXiv 1904.01802)",
        "features",
        batch_coupled=True,
    ),
    "ickd": Piece(
        NoOptions,
        "Squared difference of the channels' normalised Gram matrices.",
        "Liu et al. 2021 (ICKD, ICCV 2021)",
        "features",
        positions=True,
        batch_coupled=True,
    ),
    "nst": Piece(
        NoOptions,
        "Maximum mean discrepancy of spatially normalised channels with the squared polynomial kernel.",
        "Huang, Wang 2017 (arXiv 1707.01219), equation 7",
        "features",
        adapts=False,
        maps=True,
    ),
}
