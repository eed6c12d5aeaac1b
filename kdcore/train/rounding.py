"""Fake quantisation: float numbers rounded to the grid on which the int8 file computes, gradients straight through."""

from __future__ import annotations

import torch
from torch import Tensor

LOW, HIGH = -128, 127
"""Of activations, as ONNX Runtime's QInt8 has them; weights are symmetric and leave the lowest one out."""

KEPT = 0.9
"""Share of a range that a step keeps which sees a smaller one."""


def rounded_weight(weight: Tensor) -> Tensor:
    """Weights [out, ...] on the int8 grid of each output channel: symmetric, from -127 to 127 (Jacob et al. 2018).

    A BatchNorm behind the layer, which the export folds into it, multiplies a whole channel, and its grid with it: so
    these are the weights of the file, before folding. The gradient passes unchanged.
    """
    own = weight.float()
    largest = own.detach().abs().flatten(1).amax(1)
    scale = (largest / HIGH).clamp(min=torch.finfo(torch.float32).tiny)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(own, scale, zero, 0, -HIGH, HIGH)


def rounded(values: Tensor, ends: Tensor) -> Tensor:
    """Activations of any shape on the int8 grid over the range ``ends`` [2], which is widened to hold zero.

    One range for the whole tensor, asymmetric, 256 steps. The gradient passes inside the range and is zero outside of
    it (the straight-through estimator; Nagel et al. 2021, arXiv 2106.08295, equation 16).
    """
    low, high = ends.detach().float().unbind()
    low, high = low.clamp(max=0), high.clamp(min=0)
    scale = ((high - low) / (HIGH - LOW)).clamp(min=torch.finfo(torch.float32).tiny)
    zero = (LOW - low / scale).round().clamp(LOW, HIGH).to(torch.int32)
    return torch.fake_quantize_per_tensor_affine(values.float(), scale, zero, LOW, HIGH)


class Range:
    """Of one tensor in the network: the least and the largest number of the last steps.

    The export takes those of its calibration examples, and so a range grows at once; it shrinks as a moving average
    does, because weights move on.

    What a step sees is taken in by ``advance`` alone, so that a forward pass changes nothing, and neither repeated
    passes nor micro-batches move the range twice.
    """

    def __init__(self) -> None:
        self.ends: Tensor | None = None
        self._seen: Tensor | None = None

    def of(self, values: Tensor) -> Tensor:
        """[2]: the range, before the first step that of the values themselves."""
        return _ends(values) if self.ends is None else self.ends

    def look(self, values: Tensor) -> None:
        """Note what this step has."""
        now = _ends(values)
        self._seen = now if self._seen is None else _wider(now, self._seen)

    def forget(self) -> None:
        """The step is not taken, or taken again."""
        self._seen = None

    def advance(self) -> None:
        """The step is taken."""
        seen, self._seen = self._seen, None
        if seen is not None:
            self.ends = seen if self.ends is None else _wider(seen, torch.lerp(seen, self.ends, KEPT))


def _ends(values: Tensor) -> Tensor:
    low, high = values.detach().float().aminmax()
    return torch.stack([low, high])


def _wider(one: Tensor, other: Tensor) -> Tensor:
    return torch.stack([torch.minimum(one[0], other[0]), torch.maximum(one[1], other[1])])
