"""Distances with learned parts of their own, or that read a classifier beside the features."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.logits import OFAOptions
from kdcore.spec.rooms.piece import NoOptions, Piece, Table


class VariationalOptions(Strict):
    """``initial_variance`` of every channel, and the ``smallest`` that training can bring it to."""

    initial_variance: float = Field(default=5, gt=1e-3, le=100)
    smallest: float = Field(default=1e-5, gt=0, le=1e-4)


class ContrastiveOptions(Strict):
    """What each side's embeddings are contrasted with.

    Attributes:
        dim: of the embeddings.
        negatives: remembered samples that each sample is told apart from; at most all others.
        negatives_from: samples of ``other_classes``, where labels are known, or all ``others``.
        temperature: of the similarities.
        momentum: share of a remembered embedding that stays when its sample comes again.
        seed: of the draw of negatives, which is the same for every sample of a step.
    """

    dim: int = Field(default=128, ge=1, le=4096)
    negatives: int = Field(default=16384, ge=1, le=2**20)
    negatives_from: Literal["other_classes", "others"] = "other_classes"
    temperature: float = Field(default=0.07, gt=0, le=1000)
    momentum: float = Field(default=0.5, ge=0, lt=1)
    seed: int = Field(default=0, ge=0, lt=2**31)


class GenerativeOptions(Strict):
    """What is hidden of the student's map before the teacher's is generated from it.

    Attributes:
        share: of the map that is hidden.
        over: whether whole ``positions`` are hidden, as the paper does for detection and segmentation, or whole
            ``channels``, as for classification.
        seed: of the draws, one for each step.
    """

    share: float = Field(default=0.65, ge=0, lt=1)
    over: Literal["positions", "channels"] = "positions"
    seed: int = Field(default=0, ge=0, lt=2**31)


class ActivationMapOptions(Strict):
    """``size``: height and width that the class maps are averaged to."""

    size: int = Field(default=2, ge=1, le=64)


MODULES: Table = {
    "vid": Piece(
        VariationalOptions,
        "Negative log-likelihood of the teacher's channels as Gaussians around the student's, with learned variances; "
        "it can be negative.",
        "Ahn et al. 2019 (VID, arXiv 1904.05835), equation 4, with the parametrisation of its published code",
        "features",
    ),
    "fsp": Piece(
        NoOptions,
        "Squared difference of how the channels of two consecutive layers go along with each other.",
        "Yim et al. 2017 (FSP, CVPR 2017), equations 1 and 2",
        "features",
        maps=True,
    ),
    "crd": Piece(
        ContrastiveOptions,
        "Noise-contrastive estimation: the two networks' embeddings of one picture, told apart from those of others.",
        "Tian, Krishnan, Isola 2020 (CRD, arXiv 1910.10699), equations 17 to 19, as in its published code",
        "features",
        adapts=False,
        needs=("index",),
        batch_coupled=True,
    ),
    "mgd": Piece(
        GenerativeOptions,
        "Squared distance of the teacher's map to one that is generated from the student's with parts of it hidden, "
        "summed and divided by the batch.",
        "Yang et al. 2022 (MGD, arXiv 2205.01529), equations 3 to 5",
        "features",
        maps=True,
    ),
    "cat": Piece(
        ActivationMapOptions,
        "Mean squared difference of the unit class-activation maps.",
        "Guo et al. 2023 (CAT-KD, CVPR 2023), section 3.3",
        "features",
        adapts=False,
        maps=True,
        needs=("student_head", "teacher_head"),
    ),
    "srrl": Piece(
        NoOptions,
        "Squared differences of the features, and of what the teacher's classifier makes of them.",
        "Yang et al. 2021 (SRRL, ICLR 2021), equations 2 and 6",
        "features",
        needs=("teacher_head",),
    ),
    "ofa_branch": Piece(
        OFAOptions,
        "The term ofa between the teacher's logits and those that a branch makes of a layer of the student.",
        "Hao et al. 2023 (OFA-KD, arXiv 2310.19444), equation 6 and section 3.2",
        "features",
    ),
}
