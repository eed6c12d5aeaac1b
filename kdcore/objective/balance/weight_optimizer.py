"""The optimiser of a few learned weights, kept inside their balance."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FIRST_DECAY, SECOND_DECAY, TINY = 0.9, 0.999, 1e-8


class WeightOptimizer(nn.Module):
    """AdamW (Loshchilov, Hutter 2019, algorithm 2) on one vector, whose moments are buffers and resume with the run.

    Args:
        count: numbers in the vector.
        learning_rate, weight_decay: constants of the run.
    """

    first: Tensor
    second: Tensor
    taken: Tensor

    def __init__(self, count: int, learning_rate: float, weight_decay: float = 0.0) -> None:
        super().__init__()
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        for name in ("first", "second"):
            self.register_buffer(name, torch.zeros(count, dtype=torch.float64))
        self.register_buffer("taken", torch.zeros((), dtype=torch.float64))

    def step(self, value: Tensor, gradient: Tensor) -> None:
        """Move ``value`` in place, down the gradient."""
        slope = gradient.to(self.first)
        self.taken += 1
        self.first.mul_(FIRST_DECAY).add_(slope, alpha=1 - FIRST_DECAY)
        self.second.mul_(SECOND_DECAY).addcmul_(slope, slope, value=1 - SECOND_DECAY)
        mean = self.first / (1 - FIRST_DECAY**self.taken)
        spread = (self.second / (1 - SECOND_DECAY**self.taken)).sqrt() + TINY
        value.mul_(1 - self.learning_rate * self.weight_decay).sub_(self.learning_rate * (mean / spread).to(value))
