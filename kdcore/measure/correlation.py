"""Correlations between values and their predictions, as GLUE's STS-B is judged (Wang et al. 2019, table 1)."""

from __future__ import annotations

import torch
from torch import Tensor


def pearson(answers: Tensor, targets: Tensor) -> float:
    """Pearson's correlation of [N] with [N]; 0 where one of them is the same everywhere.

    Raises:
        ValueError: when they differ in number, or there are fewer than two.
    """
    one, other = (_centred(values) for values in _checked(answers, targets))
    scale = one.norm() * other.norm()
    return float((one @ other / scale).clamp(-1, 1)) if scale > 0 else 0.0


def spearman(answers: Tensor, targets: Tensor) -> float:
    """Spearman's correlation of [N] with [N]: Pearson's of their ranks, equal values sharing the mean of theirs."""
    one, other = _checked(answers, targets)
    return pearson(ranks(one), ranks(other))


def ranks(values: Tensor) -> Tensor:
    """Ranks of [N] from 1, float64 [N]; equal values share the mean of theirs."""
    _, which, counts = torch.unique(values.double(), return_inverse=True, return_counts=True)
    middle: Tensor = counts.cumsum(0).double() - (counts - 1) / 2
    return middle[which]


def _checked(answers: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    if answers.shape != targets.shape or answers.ndim != 1 or len(answers) < 2:
        message = f"answers {list(answers.shape)} and targets {list(targets.shape)}: give two or more, as many of each"
        raise ValueError(message)
    return answers.double(), targets.double()


def _centred(values: Tensor) -> Tensor:
    return values - values.mean()
