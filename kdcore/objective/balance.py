"""Who wins when the losses pull apart? Balances turn the groups' losses into the gradient of one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.spec.rooms import piece_options
from kdcore.spec.rooms.balances import FixedOptions


class Balance(nn.Module):
    """How a learner's groups of losses become its gradient.

    ``backward`` fills ``.grad`` of the parameters; a balance that looks at gradients runs as many backward passes as
    it needs. Its state is in its state dict, so weights resume with the run.
    """

    def backward(self, groups: Mapping[str, Tensor], parameters: Sequence[nn.Parameter]) -> dict[str, float]:
        """Fill the gradients; returns what is worth recording (weights, cosines), by name."""
        raise NotImplementedError


class Fixed(Balance):
    """The sum of the groups, each with a constant factor."""

    def __init__(self, options: FixedOptions) -> None:
        super().__init__()
        self.factors = {"task": options.task, "distill": options.distill}

    def backward(self, groups: Mapping[str, Tensor], parameters: Sequence[nn.Parameter]) -> dict[str, float]:
        total = torch.stack([loss * self.factors[group] for group, loss in groups.items()]).sum()
        torch.autograd.backward(total)
        return {}


CLASSES: dict[str, Callable[[Any], Balance]] = {"fixed": Fixed}


def balance(kind: str, **options: Any) -> Balance:
    """The balance called ``kind``.

    Raises:
        kdcore.spec.rooms.BadPiece: unknown kind or options.
    """
    return CLASSES[kind](piece_options("balance", kind, options))


def min_norm_weights(gram: Tensor, *, iterations: int = 250, tolerance: float = 1e-12) -> Tensor:
    """Weights on the simplex whose combination of gradients has the smallest norm.

    For two gradients the closed form, clipped to the simplex (unclipped, as sometimes printed, it leaves it when one
    gradient lies within the other's shadow); for more, Frank-Wolfe with exact line search as in MGDA (Sener, Koltun
    2018, algorithm 2).

    Args:
        gram: K x K inner products of the gradients.

    Returns:
        K weights, not negative, that sum to 1, in float64.

    Raises:
        ValueError: not a finite square matrix.
    """
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1] or not gram.isfinite().all():
        raise ValueError(f"a finite K x K Gram matrix is needed (got shape {tuple(gram.shape)})")
    matrix = gram.detach().double()
    count = matrix.shape[0]
    if count == 2:
        first = _between(matrix[0, 0], matrix[0, 1], matrix[1, 1])
        return torch.stack([first, 1 - first])
    weights = torch.full((count,), 1 / count, dtype=torch.float64, device=matrix.device)
    for _ in range(iterations):
        slope = matrix @ weights
        best = int(slope.argmin())
        if weights @ slope - slope[best] <= tolerance * max(float(matrix.diagonal().max()), 1e-300):
            break
        corner = torch.zeros_like(weights).index_fill_(0, torch.tensor([best], device=matrix.device), 1.0)
        share = _between(matrix[best, best], slope[best], weights @ slope)
        weights = share * corner + (1 - share) * weights
    return weights


def _between(aa: Tensor, ab: Tensor, bb: Tensor) -> Tensor:
    """The weight of ``a`` in the shortest vector on the segment from ``b`` to ``a``."""
    width = aa + bb - 2 * ab
    return torch.where(width > 0, ((bb - ab) / width.clamp(min=1e-300)).clamp(0, 1), torch.full_like(width, 0.5))
