"""Gradients apart by group: collected over micro-batches, averaged over processes, compared and combined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor, nn

Rows = dict[str, list[Tensor | None]]
"""Each group's gradient, part by part in the order of the parameters; None where its loss does not reach."""

Reduce = Callable[[Tensor], Tensor]
"""The mean of a tensor over all processes; called in the same order by each."""


def add_rows(rows: Rows, groups: Mapping[str, Tensor], parameters: Sequence[nn.Parameter]) -> None:
    """Add the gradients of a micro-batch: one backward pass a group."""
    names = list(groups)
    for name in names:
        found = gradient(groups[name], parameters, keep=name != names[-1])
        held = rows.get(name, [None] * len(found))
        rows[name] = [_sum(a, b) for a, b in zip(held, found, strict=True)]


def gradient(loss: Tensor, of: Sequence[Tensor], *, keep: bool) -> list[Tensor | None]:
    """The gradient of ``loss``, part by part; ``keep`` leaves the graph for another pass."""
    if not loss.requires_grad:
        return [None] * len(of)
    return list(torch.autograd.grad(loss, list(of), retain_graph=keep, allow_unused=True))


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return b if a is None else a if b is None else a + b


def gram_of(rows: Sequence[Sequence[Tensor | None]]) -> Tensor:
    """Inner products in float64, over the parts that at least two rows have.

    What a single group reaches, such as the adapter of its own term, is no matter between the groups: the
    combination still makes none of them worse.
    """
    count = len(rows)
    gram = torch.zeros(count, count, dtype=torch.float64)
    for column in zip(*rows, strict=True):
        there = [part for part in column if part is not None]
        if len(there) >= 2:
            blank = torch.zeros_like(there[0])
            flat = torch.stack([(blank if part is None else part).flatten().double() for part in column])
            gram = gram.to(flat.device) + flat @ flat.T
    return gram


def combine(rows: Sequence[Sequence[Tensor | None]], weights: Sequence[float | Tensor]) -> list[Tensor | None]:
    """The weighted sum of the rows, part by part."""
    result: list[Tensor | None] = []
    for column in zip(*rows, strict=True):
        total: Tensor | None = None
        for part, weight in zip(column, weights, strict=True):
            total = _sum(total, None if part is None else (part * weight).to(part.dtype))
        result.append(total)
    return result


def reduce_all(tensors: Sequence[Tensor], reduce: Reduce) -> list[Tensor]:
    """The tensors' means over all processes, in one message."""
    if not tensors:
        return []
    flat = reduce(torch.cat([tensor.detach().flatten() for tensor in tensors]))
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    return [part.view_as(like).to(like.dtype) for part, like in zip(parts, tensors, strict=True)]


def reduce_rows(rows: Rows, reduce: Reduce) -> Rows:
    """Every group's gradient as the mean over all processes; each group must reach the same parameters in all."""
    there = [part for row in rows.values() for part in row if part is not None]
    means = iter(reduce_all(there, reduce))
    return {name: [None if part is None else next(means) for part in row] for name, row in rows.items()}


def pulls(names: Sequence[str], gram: Tensor) -> dict[str, Tensor]:
    """Conflict and dominance: the norms of the groups' gradients, and for each two their cosine and ratio of norms.

    With two groups the cosine is just called so; with more it names them.
    """
    norms = gram.diagonal().clamp(min=0).sqrt()
    floor = torch.finfo(gram.dtype).tiny
    readings = {f"norm.{name}": norm for name, norm in zip(names, norms, strict=True)}
    for i, j in combinations(range(len(names)), 2):
        cosine = "cosine" if len(names) == 2 else f"cosine.{names[i]}.{names[j]}"
        readings[cosine] = gram[i, j] / (norms[i] * norms[j]).clamp(min=floor)
        readings[f"norm_ratio.{names[j]}_to_{names[i]}"] = norms[j] / norms[i].clamp(min=floor)
    return readings
