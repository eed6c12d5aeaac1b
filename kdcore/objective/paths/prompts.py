"""What a prompted path learns between two frozen stages: prompt blocks and fusions, for features of any layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_CONVOLUTIONS: dict[int, type[nn.Conv1d] | type[nn.Conv2d]] = {1: nn.Conv1d, 2: nn.Conv2d}


@dataclass(frozen=True)
class Layout:
    """How a feature lies in its tensor.

    Attributes:
        channels: C.
        kind: ``maps`` [B, C, H, W], ``sequence`` [B, C, L], ``tokens`` [B, L, C], ``grid`` [B, H, W, C] (Swin) or
            ``vector`` [B, C].
        extra: class and register tokens in front of the others, which have no place in the picture.
        grid: height and width of the patches that the other tokens stand for; None when they are a sequence.
        row: whether maps have one row, as those of series do.
    """

    channels: int
    kind: Literal["maps", "sequence", "tokens", "grid", "vector"]
    extra: int = 0
    grid: tuple[int, int] | None = None
    row: bool = False

    @property
    def dimensions(self) -> int:
        """Of the positions in `inward`'s result."""
        return 2 if self.kind in ("maps", "grid") else 1

    def inward(self, x: Tensor) -> Tensor:
        """The feature with channels first: [B, C, L] or [B, C, H, W]."""
        if self.kind == "vector":
            return x.unsqueeze(-1)
        return x.movedim(-1, 1) if self.kind in ("tokens", "grid") else x

    def outward(self, x: Tensor) -> Tensor:
        """What `inward` undid."""
        if self.kind == "vector":
            return x.squeeze(-1)
        return x.movedim(1, -1) if self.kind in ("tokens", "grid") else x


def pointwise(layout: Layout, inputs: int, outputs: int, *, bias: bool) -> nn.Module:
    """A 1x1 convolution over the positions of ``layout``."""
    return _CONVOLUTIONS[layout.dimensions](inputs, outputs, 1, bias=bias)


class PartialConvolution(nn.Module):
    """A k x k convolution of the first ``ceil(partial * channels)`` channels; the others pass as they are.

    Shapes: [B, C, L] or [B, C, H, W], the same out. Chen et al. 2023 (FasterNet, arXiv 2303.03667), section 3.2.
    Maps of one row are convolved along it. Patch tokens are convolved in their grid, other tokens along the sequence,
    padding included; class and register tokens, which have no neighbours, pass (ours).
    """

    def __init__(self, layout: Layout, channels: int, kernel: int, partial: float) -> None:
        super().__init__()
        self.extra, self.grid = layout.extra, layout.grid
        self.channels = min(channels, math.ceil(partial * channels - 1e-9))  # 0.07 * 100 is above 7
        kind = _CONVOLUTIONS[2 if self.grid else layout.dimensions]
        size: Any = (1, kernel) if layout.row else kernel
        padding: Any = (0, kernel // 2) if layout.row else kernel // 2
        self.convolution = kind(self.channels, self.channels, size, padding=padding, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._convolved(x[:, : self.channels]), x[:, self.channels :]], dim=1)

    def _convolved(self, x: Tensor) -> Tensor:
        if not self.extra and not self.grid:
            return cast(Tensor, self.convolution(x))
        extra, patches = x[..., : self.extra], x[..., self.extra :]
        if self.grid:
            patches = self.convolution(patches.reshape(*patches.shape[:-1], *self.grid)).flatten(-2)
        else:
            patches = self.convolution(patches)
        return torch.cat([extra, patches], dim=-1)


class Scale(nn.Module):
    """One kernel of a prompt block: partial convolution, then GELU behind a 1x1 convolution."""

    def __init__(self, layout: Layout, channels: int, kernel: int, partial: float) -> None:
        super().__init__()
        self.partial = PartialConvolution(layout, channels, kernel, partial)
        self.pointwise = pointwise(layout, channels, channels, bias=True)
        # torch's default shrinks what passes to a third; three kernels in a row would leave nothing to learn from.
        nn.init.kaiming_normal_(cast(Tensor, self.pointwise.weight), nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.pointwise(self.partial(x)))


class PromptBlock(nn.Module):
    """P_i: 1x1 down to ``channels / reduction``, partial convolutions of several kernels, 1x1 up, which starts at 0.

    DFPT-KD (arXiv 2506.18244) as its digests describe the block; GELU, the missing norm (so that training and
    evaluation are one function, and step 0 is exact) and the average of parallel kernels are a reconstruction.

    Args:
        layout: of the feature; shapes in and out are those of ``layout.kind``.
        reduction: r1.
        partial: r2.
        kernels: sizes, odd.
        order: ``parallel`` or ``serial``.
    """

    def __init__(
        self, layout: Layout, *, reduction: int, partial: float, kernels: Sequence[int], order: str = "parallel"
    ) -> None:
        super().__init__()
        self.layout, self.order = layout, order
        inner = math.ceil(layout.channels / reduction)
        self.down = pointwise(layout, layout.channels, inner, bias=False)
        self.scales = nn.ModuleList([Scale(layout, inner, kernel, partial) for kernel in kernels])
        self.up = pointwise(layout, inner, layout.channels, bias=False)
        nn.init.zeros_(cast(Tensor, self.up.weight))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.down(self.layout.inward(x))
        if self.order == "parallel":
            inner = sum(scale(inner) for scale in self.scales) / len(self.scales)
        else:
            for scale in self.scales:
                inner = scale(inner)
        return self.layout.outward(self.up(inner))


class Fusion(nn.Module):
    """F_i: a 1x1 convolution that starts as the identity.

    Written as ``x + W x`` with ``W = 0`` at first: the same functions as a convolution with weight ``I + W``, but
    exact at step 0 where convolutions are rounded (TF32), and weight decay pulls to the network, not to silence.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.mix = pointwise(layout, layout.channels, layout.channels, bias=True)
        for parameter in self.mix.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layout.outward(self.mix(self.layout.inward(x)))
