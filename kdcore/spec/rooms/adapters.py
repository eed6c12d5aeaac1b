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


class PointwiseOptions(Strict):
    """Layers that look at one position at a time, all but the first as wide as the teacher's.

    Attributes:
        layers: how many, with ReLU between them.
        norm: BatchNorm behind each of them (LayerNorm for tokens), where ``bias`` has no effect.
        activation: ReLU behind the last one, too.
    """

    layers: int = Field(default=1, ge=1, le=8)
    norm: bool = False
    activation: bool = False
    bias: bool = True


class FusionOptions(Strict):
    """``width``: channels in which layers are fused (the student's deepest layer's, at most 512, if left out).

    ``pooled``: the deepest map, averaged over its positions, is one more layer.
    """

    width: int | None = Field(default=None, ge=1, le=4096)
    pooled: bool = True


class BranchOptions(Strict):
    """``hidden``: width of a further layer in front of the logits; none when left out."""

    hidden: int | None = Field(default=None, ge=1, le=65_536)


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
    "pointwise": Piece(
        PointwiseOptions,
        "Learned 1x1 convolutions, or linear layers of vectors and tokens; the larger map is averaged to the smaller.",
        "Connectors of the published codes of VID, OFD and SRRL",
    ),
    "translator": Piece(
        NoOptions,
        "Three learned 3x3 convolutions to the channels of a teacher's factor; the larger map is averaged to the "
        "smaller.",
        "Kim et al. 2018 (FT, arXiv 1802.04977), section 3.2",
        maps=True,
    ),
    "fusion": Piece(
        FusionOptions,
        "Each student layer fused with all deeper ones by learned attention, in the shape of one teacher layer.",
        "Chen et al. 2021 (ReviewKD, arXiv 2104.09044), section 3.2",
        maps=True,
    ),
    "classifier": Piece(
        BranchOptions,
        "Logits of a layer: averaged over positions, normalised, and mapped to the classes.",
        "Hao et al. 2023 (OFA-KD, arXiv 2310.19444), section 3.2; the layers of a branch are a reconstruction",
    ),
}
