"""Through what features become comparable."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import NoOptions, Piece, Table


class ConvolutionOptions(Strict):
    """A regressor's shape; ``norm`` adds BatchNorm and ReLU behind it, where ``bias`` has no effect."""

    kernel: int | None = Field(default=None, ge=1, le=15)
    norm: bool = False
    bias: bool = True


class LinearOptions(Strict):
    """``bias``: whether the map adds a constant; the width adapters of the layer-selection study do not."""

    bias: bool = True


class MixtureOptions(Strict):
    """``initial``: weigh all teacher layers alike at first, or the forward map's layer at nine tenths."""

    initial: Literal["uniform", "forward"] = "uniform"


class OrthogonalOptions(Strict):
    """``standardise``: which sides are brought to mean 0 and variance 1 over channels before comparison."""

    standardise: Literal["teacher", "both", "none"] = "teacher"


class SubspaceOptions(OrthogonalOptions):
    """``width``: dimensions of the common space, at least those of either side; twice the wider one's if left out."""

    width: int | None = Field(default=None, ge=1, le=16384)


ADAPTERS: Table = {
    "auto": Piece(ConvolutionOptions, "Identity where shapes agree, else built from the traced shapes."),
    "none": Piece(NoOptions, "Compare the features as they are."),
    "linear": Piece(LinearOptions, "A learned linear map of flattened or pooled features."),
    "convolution": Piece(
        ConvolutionOptions,
        "A learned convolution whose kernel makes the student's map as large as the teacher's.",
        "Romero et al. 2015 (arXiv 1412.6550), section 2.2",
    ),
    "mixture": Piece(
        MixtureOptions,
        "Each student layer follows a sum of all teacher layers of one width, whose softmax weights are learned.",
    ),
    "tokens": Piece(
        LinearOptions,
        "Feature maps and picture tokens averaged to the smaller grid; class tokens are dropped.",
    ),
    "orthogonal": Piece(
        OrthogonalOptions,
        "A learned map to the teacher's width that keeps lengths and angles; maps are averaged to the smaller size.",
        "VkD: Miles et al. 2024 (arXiv 2403.06213)",
    ),
    "subspace": Piece(
        SubspaceOptions,
        "Both sides in a space of more dimensions, with lengths and angles kept; the student learns its place in it.",
        "MoKD (arXiv 2505.08170) names the idea; the form is a reconstruction",
    ),
}
