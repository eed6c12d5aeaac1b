"""Distances between a batch of student features and one of teacher features, seen as two probability distributions.

After KD²M (Montesuma 2025, arXiv 2504.01757), whose published code gives most of the formulae.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import Piece, Table

KD2M = "Montesuma 2025 (KD2M, arXiv 2504.01757) and its published code"

JOINT = {"label": "labels", "logits": "logits"}
"""The joint modes, and what they put beside the features."""


def expected_per_class(batch_size: int, num_classes: int) -> float:
    """Samples of a class that a batch drawn from all alike holds on average; of a distribution within a class, 4 or
    more are wanted."""
    return batch_size / num_classes


def _separable(value: Any) -> Any:
    if isinstance(value, str) and value in JOINT:
        raise ValueError(
            f"given: {value} puts {JOINT[value]} into a cost or a kernel, and this distance has neither; "
            "use given: class, or wasserstein, sinkhorn or mmd"
        )
    return value


Separate = Annotated[Literal["nothing", "class"], BeforeValidator(_separable)]
Given = Literal["nothing", "class", "label", "logits"]


def _also_conditional(schema: JsonDict) -> None:
    properties = schema["properties"]
    assert isinstance(properties, dict)
    properties["conditional"] = {"type": "boolean", "description": "true is another spelling of given: class"}


class Conditional(Strict):
    """``conditional: true`` is read as ``given: class``, and ``conditional: false`` as ``given: nothing``."""

    model_config = ConfigDict(json_schema_extra=_also_conditional)

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "conditional" not in value:
            return value
        if not isinstance(value["conditional"], bool):
            raise ValueError("conditional is true or false")
        rest = {name: option for name, option in value.items() if name != "conditional"}
        said = "class" if value["conditional"] else "nothing"
        if rest.get("given", said) != said:
            raise ValueError(f"conditional: {str(value['conditional']).lower()} means given: {said}: leave one out")
        return {**rest, "given": said}


class CommonOptions(Conditional):
    """What all distances between samples have in common.

    Attributes:
        queue: teacher features of earlier steps that are added to the batch's own, for batches smaller than the
            feature. A student batch is then compared with a larger sample, so that the distance of equal networks
            is no longer exactly zero.
        scale: ``dimension`` divides the loss by the features' dimension; ``teacher`` divides both sides' features by
            the root of the teacher's mean squared norm, so that a weight suits features of any size; ``none`` is
            the paper's.
    """

    queue: int = Field(default=0, ge=0, le=1_000_000)
    scale: Literal["none", "dimension", "teacher"] = "none"


class SampleOptions(CommonOptions):
    """Distances of features alone.

    Attributes:
        given: ``nothing`` compares the batches as a whole (marginal); ``class`` compares class by class, each class
            counting by its share of the batch; samples without a label are a class of their own.
    """

    given: Separate = "nothing"


class JointOptions(CommonOptions):
    """Distances that can also look at features and labels, or features and logits, together.

    Attributes:
        given: ``nothing`` and ``class`` as everywhere; ``label`` compares features beside one-hot labels, ``logits``
            features beside both networks' logits. The student's logits then receive a gradient, too.
    """

    given: Given = "nothing"


class CostOptions(JointOptions):
    """Joint distances with a cost: the features' plus ``label_weight`` times that of labels or logits.

    Attributes:
        label_weight: of the squared difference of one-hot labels (2 for different ones), or of the logits' cost.
        logit_cost: with ``given: logits``, squared ``euclidean`` distance, or ``kl`` from student to teacher.
    """

    label_weight: float = Field(default=1, ge=0)
    logit_cost: Literal["euclidean", "kl"] = "euclidean"


class WassersteinOptions(CostOptions):
    """Exact transport between the two batches.

    Attributes:
        relative: with ``given: label`` or ``logits``, divide the features' cost by its largest value first, as
            KD2M's code does.
    """

    relative: bool = True


class SinkhornOptions(CostOptions):
    """Transport smoothed by entropy, balanced or not.

    Attributes:
        epsilon: weight of the entropy.
        relax: weight of the divergence of the plan's marginals from the samples' instead of having to keep them, so
            that a sample far from all others costs at most this much and is left behind; balanced when left out.
        relative: ``epsilon`` and ``relax`` are in units of the median cost, and with ``given: label`` or ``logits``
            the features' cost is divided by its largest value first.
        iterations: most updates of the dual potentials.
    """

    epsilon: float = Field(default=0.05, gt=0)
    relax: float | None = Field(default=None, gt=0)
    relative: bool = True
    iterations: int = Field(default=100, ge=1, le=10_000)


class SlicedOptions(SampleOptions):
    """``projections``: random directions, drawn from ``seed`` once and kept."""

    projections: int = Field(default=128, ge=1, le=100_000)
    seed: int = Field(default=0, ge=0, lt=2**31)


class GromovOptions(SampleOptions):
    """``metric`` within each batch; ``iterations`` of the conditional gradient.

    ``diffusion`` compares one step of a random walk that prefers near points, as in KD2M's code; the walk's width is
    the batch's mean squared distance instead of 1 (ours).
    """

    metric: Literal["euclidean", "squared", "cosine", "diffusion"] = "euclidean"
    iterations: int = Field(default=50, ge=1, le=1000)


class MomentOptions(SampleOptions):
    """Distances that look at means and covariances only.

    Attributes:
        moving: share of the teacher's earlier moments that each step keeps; 0 has only the batch's (and the queue's).
    """

    moving: float = Field(default=0, ge=0, lt=1)

    @model_validator(mode="after")
    def _one_memory(self) -> Self:
        if self.moving and (self.queue or self.given != "nothing"):
            other = "queue" if self.queue else "given: class"
            raise ValueError(f"moving moments are those of whole batches and do not go with {other}: use queue alone")
        return self


class GaussianOptions(MomentOptions):
    """``covariance``: variances only, or the full matrix with ``shrinkage`` towards its mean variance."""

    covariance: Literal["diagonal", "full"] = "diagonal"
    shrinkage: float = Field(default=0, ge=0, le=1)


class GaussianKLOptions(MomentOptions):
    """Divergence of diagonal Gaussians.

    Attributes:
        direction: the side whose Gaussian the expectation is taken under.
        epsilon: added to all variances; a feature that is constant in the second Gaussian costs about its inverse.
        shrinkage: moves each side's variances towards their mean, so that constant features cost no more than others
            (ours; few samples in a class need it).
    """

    direction: Literal["student", "teacher"] = "student"
    epsilon: float = Field(default=1e-9, gt=0)
    shrinkage: float = Field(default=0, ge=0, le=1)


class MMDOptions(JointOptions):
    """``kernel``: ``rbf`` as wide as the pooled mean distance, ``multi`` with five widths around it, or ``linear``.

    With ``given: label`` it counts only between equal labels; with ``given: logits`` it is multiplied with an rbf
    kernel of the logits.
    """

    kernel: Literal["linear", "rbf", "multi"] = "rbf"


DISTRIBUTIONS: Table = {
    "wasserstein": Piece(
        WassersteinOptions,
        "Squared 2-Wasserstein distance of the batches, exact.",
        KD2M,
        "features",
        batch_coupled=True,
    ),
    "sinkhorn": Piece(
        SinkhornOptions,
        "Debiased Sinkhorn divergence in the log domain; with relax, unbalanced and so robust to outliers.",
        "Feydy et al. 2019 (arXiv 1810.08278), equation 3; unbalanced: Séjourné et al. 2019 (arXiv 1910.12958)",
        "features",
        batch_coupled=True,
    ),
    "sliced_wasserstein": Piece(
        SlicedOptions,
        "Squared 2-Wasserstein distance of one-dimensional projections, averaged.",
        "Bonneel et al. 2015 (Sliced and Radon Wasserstein barycenters)",
        "features",
        batch_coupled=True,
    ),
    "gromov_wasserstein": Piece(
        GromovOptions,
        "How differently the two batches are arranged within themselves; widths may differ.",
        "Mémoli 2011; conditional gradient as in Vayer et al. 2019 (arXiv 1805.09114), algorithm 1",
        "features",
        adapts=False,
        batch_coupled=True,
    ),
    "gaussian_wasserstein": Piece(
        GaussianOptions,
        "Squared 2-Wasserstein distance of Gaussians with the batches' moments.",
        KD2M,
        "features",
        batch_coupled=True,
    ),
    "gaussian_kl": Piece(
        GaussianKLOptions,
        "Divergence of diagonal Gaussians with the batches' moments.",
        KD2M,
        "features",
        batch_coupled=True,
    ),
    "mmd": Piece(
        MMDOptions, "Squared maximum mean discrepancy, biased V-statistic.", KD2M, "features", batch_coupled=True
    ),
    "coral": Piece(
        MomentOptions,
        "Squared Frobenius distance of the covariances, over 4 d².",
        "Sun, Saenko 2016 (arXiv 1607.01719), equation 1",
        "features",
        batch_coupled=True,
    ),
}
