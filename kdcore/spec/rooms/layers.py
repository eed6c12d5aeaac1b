"""Distances between hidden states that know which tokens count."""

from __future__ import annotations

from typing import Literal

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import Piece, Table


class HiddenOptions(Strict):
    """What is done to both sides first, and which tokens are compared.

    Attributes:
        normalise: ``layer`` brings each side to mean 0 and deviation 1 over all its counted numbers, ``token`` brings
            each token to length 1.
        tokens: ``first`` compares the first token alone, which classifiers read.
    """

    normalise: Literal["none", "layer", "token"] = "none"
    tokens: Literal["all", "first"] = "all"


LAYERS: Table = {
    "hidden": Piece(
        HiddenOptions,
        "Mean squared difference of the hidden states of all tokens that are no padding.",
        "Yu, Wen, Mou 2025 (arXiv 2502.04499); normalisations of its published T5 and LLM codes",
        "features",
        batch_coupled=lambda options: options.normalise == "layer",
    ),
}
