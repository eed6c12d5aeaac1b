"""Distances between what networks say about classes."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import Piece, Table


class CrossEntropyOptions(Strict):
    """Options of the task loss; unlabelled pictures do not count."""

    label_smoothing: float = Field(default=0, ge=0, lt=1)


class TemperatureOptions(Strict):
    """The softening of both distributions; a large temperature shows the small probabilities."""

    temperature: float = Field(default=4, gt=0, le=1000)


LOGITS: Table = {
    "cross_entropy": Piece(CrossEntropyOptions, "Cross-entropy of the logits with the labels.", reads="labels"),
    "kl": Piece(
        TemperatureOptions,
        "T² times the Kullback-Leibler divergence of the softened student from the softened teacher.",
        "Hinton, Vinyals, Dean 2015 (arXiv 1503.02531), section 2",
        "logits",
    ),
    "soft_cross_entropy": Piece(
        TemperatureOptions,
        "Cross-entropy of the softened distributions without the factor T²: FitNets' second-stage term.",
        "Romero et al. 2015 (arXiv 1412.6550), equation 2",
        "logits",
    ),
}
