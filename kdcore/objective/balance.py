"""Who wins when the losses pull apart? Balances turn the groups' losses into the gradient of one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.spec.rooms import piece_options
from kdcore.spec.rooms.balances import FixedOptions, MinNormOptions
from kdcore.spec.rooms.piece import NoOptions


class Balance(nn.Module):
    """How a learner's groups of losses become its gradient.

    ``backward`` fills ``.grad`` of the parameters; a balance that looks at gradients runs as many backward passes as
    it needs. Its state is in its state dict, so weights resume with the run.
    """

    def backward(self, groups: Mapping[str, Tensor], parameters: Sequence[nn.Parameter]) -> dict[str, Tensor]:
        """Fill the gradients; returns what is worth recording (weights, cosines), by name, without waiting for it."""
        raise NotImplementedError


class Fixed(Balance):
    """The sum of the groups, each with a constant factor."""

    def __init__(self, options: FixedOptions) -> None:
        super().__init__()
        self.factors = {"task": options.task, "distill": options.distill}

    def backward(self, groups: Mapping[str, Tensor], parameters: Sequence[nn.Parameter]) -> dict[str, Tensor]:
        total = torch.stack([loss * self.factors[group] for group, loss in groups.items()]).sum()
        torch.autograd.backward(total)
        return {}


class GradientBalance(Balance):
    """A balance that looks at each group's gradient: one backward pass a group.

    Recorded with two groups: the cosine between their gradients (below zero they conflict), and the ratio of the norms
    (far from one, one dominates). With one group it passes through.
    """

    def backward(self, groups: Mapping[str, Tensor], parameters: Sequence[nn.Parameter]) -> dict[str, Tensor]:
        names, losses = list(groups), torch.stack([loss.detach() for loss in groups.values()])
        rows = [self._gradients(groups, name, parameters) for name in names]
        gram = gram_of(rows)
        weights = self.weights(gram, losses) if len(names) > 1 else torch.ones_like(losses)
        for place, parameter in enumerate(parameters):
            parts = [w * row[place] for w, row in zip(weights, rows, strict=True) if row[place] is not None]
            parameter.grad = torch.stack(parts).sum(0) if parts else None
        return {f"weight.{name}": weight for name, weight in zip(names, weights, strict=True)} | pulls(names, gram)

    def _gradients(
        self, groups: Mapping[str, Tensor], name: str, parameters: Sequence[nn.Parameter]
    ) -> tuple[Tensor | None, ...]:
        keep = name != list(groups)[-1]
        return torch.autograd.grad(groups[name], parameters, retain_graph=keep, allow_unused=True)

    def weights(self, gram: Tensor, losses: Tensor) -> Tensor:
        """Factors on the groups' gradients, from their K x K Gram matrix and the K losses."""
        raise NotImplementedError


def gram_of(rows: Sequence[Sequence[Tensor | None]]) -> Tensor:
    """Inner products in float64 of gradients given part by part; a part that a loss does not reach counts as zero."""
    count = len(rows)
    parts = [
        torch.stack([_inner(a, b) for a in column for b in column]).view(count, count)
        for column in zip(*rows, strict=True)
        if any(part is not None for part in column)
    ]
    return torch.stack(parts).sum(0)


def _inner(a: Tensor | None, b: Tensor | None) -> Tensor:
    if a is None or b is None:
        return torch.zeros((), dtype=torch.float64)
    return torch.dot(a.flatten(), b.flatten()).double()


def pulls(names: Sequence[str], gram: Tensor) -> dict[str, Tensor]:
    """Cosine and ratio of norms of two groups' gradients."""
    if len(names) != 2:
        return {}
    norms = gram.diagonal().clamp(min=0).sqrt()
    floor = torch.finfo(gram.dtype).tiny
    return {
        "cosine": gram[0, 1] / norms.prod().clamp(min=floor),
        f"norm_ratio.{names[1]}_to_{names[0]}": norms[1] / norms[0].clamp(min=floor),
    }


class MinNorm(GradientBalance):
    """The shortest convex combination of the groups' gradients, or of their logarithms' gradients ``∇L / L``.

    MoKD and DTO-KD in the exact form. The combination has a product of at least its own squared length with every
    group's gradient, so to first order no group gets worse. With logarithms the weights are rescaled to sum to one on
    the plain gradients, so that the learning rate keeps its meaning (as FAMO's published code does).
    """

    def __init__(self, options: MinNormOptions) -> None:
        super().__init__()
        self.logarithmic = options.logarithmic

    def weights(self, gram: Tensor, losses: Tensor) -> Tensor:
        if not self.logarithmic:
            return min_norm_weights(gram).to(losses.dtype)
        scale = 1 / losses.double().clamp(min=1e-8)
        plain = min_norm_weights(gram * scale[:, None] * scale[None]) * scale
        return (plain / plain.sum()).to(losses.dtype)


class PCGrad(GradientBalance):
    """``g_i`` minus its projections on every ``g_j`` that it conflicts with, added up over i.

    Yu et al. 2020, algorithm 1, with the groups in their own order instead of a random one: with two groups there is
    only one.
    """

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def weights(self, gram: Tensor, losses: Tensor) -> Tensor:
        """Every projected gradient is a combination of the groups' own, so the Gram matrix is all that is needed."""
        count = len(gram)
        mixes = torch.eye(count, dtype=gram.dtype, device=gram.device)
        for i in range(count):
            for j in range(count):
                product = mixes[i] @ gram[:, j]
                if i != j and product < 0:
                    mixes[i, j] -= product / gram[j, j].clamp(min=torch.finfo(gram.dtype).tiny)
        return mixes.sum(0).to(losses.dtype)


CLASSES: dict[str, Callable[[Any], Balance]] = {"fixed": Fixed, "min_norm": MinNorm, "pcgrad": PCGrad}


def balance(kind: str, **options: Any) -> Balance:
    """The balance called ``kind``.

    Raises:
        kdcore.spec.rooms.BadPiece: unknown kind or options.
    """
    return CLASSES[kind](piece_options("balance", kind, options))


def min_norm_weights(gram: Tensor) -> Tensor:
    """Weights on the simplex whose combination of gradients has the smallest norm.

    For two gradients the closed form, clipped to the simplex (unclipped, as sometimes printed, it leaves it when one
    gradient lies within the other's shadow); for more, Wolfe's finite algorithm (Finding the nearest point in a
    polytope, 1976), which ends at the exact minimum.

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
    if len(matrix) == 2:
        first = _between(matrix[0, 0], matrix[0, 1], matrix[1, 1])
        return torch.stack([first, 1 - first])
    return _nearest_point(matrix.cpu()).to(matrix.device)


def _nearest_point(gram: Tensor) -> Tensor:
    """Wolfe's algorithm: add the gradient that points most against the combination, then settle on its corral."""
    count = len(gram)
    tolerance = 1e-14 * max(float(gram.diagonal().max()), 1e-300)
    corral = [int(gram.diagonal().argmin())]
    weights = torch.zeros(count, dtype=gram.dtype)
    weights[corral] = 1.0
    for _ in range(10 * count):
        slope = gram @ weights
        worst = int(slope.argmin())
        if weights @ slope - slope[worst] <= tolerance or worst in corral:
            break
        corral.append(worst)
        weights, corral = _settle(gram, weights, corral)
    return weights / weights.sum()


def _settle(gram: Tensor, weights: Tensor, corral: list[int]) -> tuple[Tensor, list[int]]:
    """Move to the shortest affine combination of the corral; on the way out of the simplex, drop who becomes zero."""
    while True:
        wanted = _affine(gram[corral][:, corral])
        if (wanted > 0).all():
            break
        held = weights[corral]
        leaving = wanted <= 0
        share = float((held[leaving] / (held[leaving] - wanted[leaving]).clamp(min=1e-300)).min())
        moved = (1 - share) * held + share * wanted
        moved[moved <= 1e-15] = 0
        weights = torch.zeros_like(weights).index_copy_(0, torch.tensor(corral), moved)
        corral = [place for place, weight in zip(corral, moved.tolist(), strict=True) if weight > 0]
    return torch.zeros_like(weights).index_copy_(0, torch.tensor(corral), wanted), corral


def _affine(gram: Tensor) -> Tensor:
    """Weights that sum to one, of any sign, with the shortest combination."""
    count = len(gram)
    level = gram.diagonal().mean().clamp(min=1e-300)
    system = torch.ones(count + 1, count + 1, dtype=gram.dtype)
    system[:count, :count], system[count, count] = gram / level, 0
    right = torch.zeros(count + 1, dtype=gram.dtype)
    right[count] = 1
    solved: Tensor = torch.linalg.lstsq(system, right[:, None], driver="gelsd").solution
    return solved[:count, 0]


def _between(aa: Tensor, ab: Tensor, bb: Tensor) -> Tensor:
    """The weight of ``a`` in the shortest vector on the segment from ``b`` to ``a``."""
    width = aa + bb - 2 * ab
    return torch.where(width > 0, ((bb - ab) / width.clamp(min=1e-300)).clamp(0, 1), torch.full_like(width, 0.5))
