"""Distances pixel by pixel: what segmentation needs. The one between channels' maps, ``cwd``, is among the features."""

from __future__ import annotations

from kdcore.spec.rooms.logits import CrossEntropyOptions, TemperatureOptions
from kdcore.spec.rooms.piece import Piece, Table

PIXELS: Table = {
    "pixel_cross_entropy": Piece(
        CrossEntropyOptions,
        "Cross-entropy of each pixel's logits with its class, averaged over the pixels that have one.",
        "Long, Shelhamer, Darrell 2015 (arXiv 1411.4038), section 4",
        reads="labels",
        tasks=("segmentation",),
    ),
    "pixel_kl": Piece(
        TemperatureOptions,
        "T² times the divergence of each pixel's softened class probabilities, averaged over pixels.",
        "Liu et al. 2019 (arXiv 1903.04197), equation 1, with the temperature of Hinton, Vinyals, Dean 2015",
        "logits",
        tasks=("segmentation",),
    ),
}
