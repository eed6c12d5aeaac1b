"""Second forward paths that are derived from a network: what they are made of, by kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import Piece, Table


@dataclass(frozen=True)
class BlockSizes:
    """What the prompt blocks are made of.

    Attributes:
        reduction: r1, by which the first 1x1 convolution divides the channels.
        partial: r2, the share of those channels that each k x k convolution sees.
        kernels: k of each of them.
        stages: most stage ends that get a prompt, the deepest first.
    """

    reduction: int
    partial: float
    kernels: tuple[int, ...]
    stages: int


BLOCKS = {
    "small": BlockSizes(8, 0.25, (3, 5), 2),
    "medium": BlockSizes(4, 0.25, (3, 5, 7), 4),
    "large": BlockSizes(2, 0.5, (3, 5, 7), 4),
}
"""Reconstruction: the sources give no sizes. The partial ratio is FasterNet's (arXiv 2303.03667, section 3.2)."""


def _odd(kernel: int) -> int:
    if kernel % 2 == 0:
        raise ValueError(f"kernels must be odd, so that the map keeps its size (got {kernel})")
    return kernel


Kernel = Annotated[int, Field(ge=1, le=31), AfterValidator(_odd)]


class BlockOptions(Strict):
    """Prompt blocks; ``blocks`` sets the sizes that are left out.

    Attributes:
        blocks: ``small`` (reduction 8, partial 1/4, kernels 3 and 5, 2 stages), ``medium`` (4, 1/4, 3, 5 and 7, 4)
            or ``large`` (2, 1/2, 3, 5 and 7, 4).
        reduction: r1, by which the first 1x1 convolution divides the channels.
        partial: r2, the share of those channels that each k x k convolution sees.
        kernels: k of each of them; odd.
        order: ``parallel`` averages what the kernels say, ``serial`` applies one after the other.
        fusion: a learned 1x1 convolution behind each prompt, which starts as the identity.
    """

    blocks: Literal["small", "medium", "large"] = "medium"
    reduction: int | None = Field(default=None, ge=1, le=64)
    partial: float | None = Field(default=None, gt=0, le=1)
    kernels: tuple[Kernel, ...] | None = Field(default=None, min_length=1, max_length=8)
    order: Literal["parallel", "serial"] = "parallel"
    fusion: bool = True


class PromptOptions(BlockOptions):
    """The prompted path of a network: its blocks, how many, and whether more than the blocks learns.

    Attributes:
        stages: most stage ends that get a prompt, the deepest first.
        tune: whether a copy of the network's layers learns too (DFPT-KD+).
        tune_rate: factor on the learning rate of that copy.
    """

    stages: int | None = Field(default=None, ge=1, le=32)
    tune: bool = False
    tune_rate: float = Field(default=0.1, gt=0, le=1)

    @property
    def sizes(self) -> BlockSizes:
        """The sizes of ``blocks``, each replaced by the option of its name where there is one."""
        given = BLOCKS[self.blocks]
        return BlockSizes(
            reduction=given.reduction if self.reduction is None else self.reduction,
            partial=given.partial if self.partial is None else self.partial,
            kernels=given.kernels if self.kernels is None else self.kernels,
            stages=given.stages if self.stages is None else self.stages,
        )


class OutputOptions(Strict):
    """``hidden``: width of the layer between logits and logits; twice the classes, at least 16, when left out."""

    hidden: int | None = Field(default=None, ge=1, le=65_536)


class ParaphraserOptions(Strict):
    """``at``: the layer of the network, its last block unless named; ``factor``: share of its channels that is kept."""

    at: str = "features"
    factor: float = Field(default=0.5, gt=0, le=4)


class ReuseOptions(Strict):
    """``factor``: by which the projector's inner layers have fewer channels than the lender's last map."""

    factor: int = Field(default=2, ge=1, le=64)


PATHS: Table = {
    "prompts": Piece(
        PromptOptions,
        "A second forward path through a frozen network, with learned prompts between its stages and a head of its "
        "own; it starts as the network itself.",
        "Li et al. 2025 (arXiv 2506.18244); sizes and initialisation are a reconstruction",
    ),
    "outputs": Piece(
        OutputOptions,
        "A learned residual on the logits of a network whose inside is not known; it starts as the network itself.",
        "(ours), after Li et al. 2025 (arXiv 2506.18244)",
    ),
    "paraphraser": Piece(
        ParaphraserOptions,
        "A learned autoencoder on one layer of a frozen network: its inner feature says the same in fewer channels.",
        "Kim et al. 2018 (FT, arXiv 1802.04977), section 3.1",
        maps=True,
    ),
    "reuse": Piece(
        ReuseOptions,
        "The student's own layers, a learned projector, and the frozen classifier of a second network.",
        "Chen et al. 2022 (SimKD, arXiv 2203.14001), section 3.2",
        maps=True,
    ),
}
