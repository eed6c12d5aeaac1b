"""Distances between values and between independent labels: what regression and several labels an example need."""

from __future__ import annotations

from kdcore.spec.rooms.logits import TemperatureOptions
from kdcore.spec.rooms.piece import NoOptions, Piece, Table


class LabelTemperatureOptions(TemperatureOptions):
    """The softening of each label's probability."""


VALUES: Table = {
    "squared_error": Piece(
        NoOptions,
        "Mean squared difference between the outputs and the target values.",
        reads="labels",
        tasks=("regression",),
    ),
    "squared_difference": Piece(
        NoOptions,
        "Mean squared difference between the outputs of both networks.",
        "Ba, Caruana 2014 (arXiv 1312.6184), equation 1, for outputs that are values",
        "logits",
        tasks=("regression", "classification", "multilabel"),
    ),
    "binary_cross_entropy": Piece(
        NoOptions,
        "Binary cross-entropy of each label's logit with the label, averaged over labels.",
        reads="labels",
        tasks=("multilabel",),
    ),
    "binary_kl": Piece(
        LabelTemperatureOptions,
        "T² times the divergence of each label's softened probability from the teacher's, averaged over labels.",
        "Hinton, Vinyals, Dean 2015 (arXiv 1503.02531), section 2, for labels that are independent (ours)",
        "logits",
        tasks=("multilabel",),
    ),
}
