"""Through what features become comparable."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import NoOptions, Piece, Table


class ConvolutionOptions(Strict):
    """A regressor's shape; ``norm`` adds BatchNorm and ReLU behind it."""

    kernel: int | None = Field(default=None, ge=1, le=15)
    norm: bool = False


ADAPTERS: Table = {
    "auto": Piece(ConvolutionOptions, "Identity where shapes agree, else built from the traced shapes."),
    "none": Piece(NoOptions, "Compare the features as they are."),
    "linear": Piece(NoOptions, "A learned linear map of flattened or pooled features."),
    "convolution": Piece(
        ConvolutionOptions,
        "A learned convolution whose kernel makes the student's map as large as the teacher's.",
        "Romero et al. 2015 (arXiv 1412.6550), section 2.2",
    ),
}
