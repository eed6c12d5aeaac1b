"""Distances between what networks say about classes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import Piece, Table
from kdcore.spec.rooms.temperature import TemperatureOption


class CrossEntropyOptions(Strict):
    """Options of the task loss; unlabelled pictures do not count."""

    label_smoothing: float = Field(default=0, ge=0, lt=1)


class TemperatureOptions(Strict):
    """The softening of both distributions; a large temperature shows the small probabilities."""

    temperature: TemperatureOption = 4


class DKDOptions(TemperatureOptions):
    """``alpha`` weighs target against rest, ``beta`` the rest among itself; defaults of the authors' CIFAR-100 runs."""

    alpha: float = Field(default=1, ge=0)
    beta: float = Field(default=8, ge=0)


class NKDOptions(Strict):
    """``gamma`` weighs the classes other than the target."""

    temperature: TemperatureOption = 1
    gamma: float = Field(default=1.5, ge=0)


class DISTOptions(Strict):
    """``beta`` weighs relations within a sample, ``gamma`` those within a class."""

    temperature: TemperatureOption = 1
    beta: float = Field(default=1, ge=0)
    gamma: float = Field(default=1, ge=0)


class StandardisedOptions(Strict):
    """The temperature behind the standardisation."""

    temperature: TemperatureOption = 2


class OFAOptions(Strict):
    """``sharpness`` is the exponent on the teacher's target probability."""

    temperature: TemperatureOption = 1
    sharpness: float = Field(default=1, gt=0)


class MultiLevelOptions(Strict):
    """Alignment of samples, batch and classes at several temperatures.

    Attributes:
        temperatures: each gives one loss, and they are summed.
        share: of the samples and of the classes that count: those that the teacher is least sure of; 1 for all.
        instance, batch, by_class: weights of the three levels.
    """

    temperatures: tuple[Annotated[float, Field(gt=0, le=1000)], ...] = Field(
        default=(2, 3, 4, 5, 6), min_length=1, max_length=16
    )
    share: float = Field(default=0.5, gt=0, le=1)
    instance: float = Field(default=1, ge=0)
    batch: float = Field(default=1, ge=0)
    by_class: float = Field(default=1, ge=0)


LOGITS: Table = {
    "cross_entropy": Piece(
        CrossEntropyOptions,
        "Cross-entropy of the logits with the labels.",
        reads="labels",
        tasks=("classification", "generation"),
    ),
    "kl": Piece(
        TemperatureOptions,
        "T² times the Kullback-Leibler divergence of the softened student from the softened teacher.",
        "Hinton, Vinyals, Dean 2015 (arXiv 1503.02531), section 2",
        "logits",
        tasks=("classification", "generation"),
    ),
    "soft_cross_entropy": Piece(
        TemperatureOptions,
        "Cross-entropy of the softened distributions without the factor T²: FitNets' second-stage term.",
        "Romero et al. 2015 (arXiv 1412.6550), equation 2",
        "logits",
        tasks=("classification", "generation"),
    ),
    "dkd": Piece(
        DKDOptions,
        "Decoupled: the divergence of target against rest, and apart from it that among the rest, times T².",
        "Zhao et al. 2022 (arXiv 2203.08679), equation 7",
        "logits",
    ),
    "nkd": Piece(
        NKDOptions,
        "Normalised: the teacher's target probability as a soft label, and cross-entropy among the other classes.",
        "Yang et al. 2023 (arXiv 2303.13005), equation 8",
        "logits",
    ),
    "dist": Piece(
        DISTOptions,
        "One minus Pearson's correlation of the probabilities, within samples and within classes, times T².",
        "Huang et al. 2022 (arXiv 2205.10536), equations 8 to 10",
        "logits",
        batch_coupled=lambda options: options.gamma > 0,
    ),
    "standardised_kl": Piece(
        StandardisedOptions,
        "T² times the divergence of logits brought to mean 0 and deviation 1 first.",
        "Sun et al. 2024 (arXiv 2403.01427), algorithm 1",
        "logits",
    ),
    "batch_correlation": Piece(
        TemperatureOptions,
        "Squared difference of the samples' Gram matrices of softened probabilities, by sample.",
        "Jin et al. 2023 (MLKD, CVPR 2023), section 3.3",
        "logits",
        batch_coupled=True,
    ),
    "class_correlation": Piece(
        TemperatureOptions,
        "Squared difference of the classes' Gram matrices of softened probabilities, by class.",
        "Jin et al. 2023 (MLKD, CVPR 2023), section 3.3",
        "logits",
        batch_coupled=True,
    ),
    "multi_level": Piece(
        MultiLevelOptions,
        "Samples, batch and classes aligned at several temperatures, where the teacher is least sure.",
        "Jin et al. 2023 (MLKD, CVPR 2023), section 3",
        "logits",
        batch_coupled=lambda options: options.share < 1 or options.batch > 0 or options.by_class > 0,
    ),
    "wsld": Piece(
        StandardisedOptions,
        "Soft cross-entropy, weighed by how much worse the student is on the label than the teacher, times T².",
        "Zhou et al. 2021 (arXiv 2102.00650), equation 9",
        "logits",
    ),
    "ofa": Piece(
        OFAOptions,
        "Cross-entropy whose target term is sharpened: for students unlike their teacher.",
        "Hao et al. 2023 (arXiv 2310.19444), equation 6",
        "logits",
    ),
}
