"""Regression: answers are values, learnt standardised and judged in the units of the targets."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from kdcore.measure.quality import ClassFigure
from kdcore.tasks.base import Figures, Judged, Task


class Regression(Task):
    """K values. Rows: of each target squared and absolute error, value, its square, the answer, its square and the
    product of both; and 1: [N, 7 K + 1].

    Networks learn ``(target - mean) / std`` with the training split's mean and standard deviation, which the dataset's
    card has.
    """

    name: ClassVar[str] = "regression"

    def prepared(self, targets: Tensor) -> Tensor:
        mean, std = self._scale(targets)
        return (targets - mean) / std

    def statistics(self, answers: Tensor, targets: Tensor) -> Tensor:
        mean, std = (one.double() for one in self._scale(targets))
        true, said = (side.double() * std + mean for side in (targets, answers))
        error = said - true
        parts = [error.square(), error.abs(), true, true.square(), said, said.square(), said * true]
        return torch.cat([*parts, torch.ones(len(true), 1).to(true)], 1)

    def judged(self, answers: Tensor, targets: Tensor) -> Judged:
        return Ordered(self, self.statistics(answers, targets), answers.double(), targets.double())

    def figures(self, sums: Tensor) -> Figures:
        """Over several targets, the mean of the mean squared errors, and the means of R² and of the correlations."""
        *columns, count = self._parts(sums)
        squared, absolute, true, squares, said, said_squares, products = columns
        covariance = products - said * true / count
        spreads = (squares - true.square() / count) * (said_squares - said.square() / count)
        return {
            "pearson": _correlation(covariance, spreads),
            "rmse": (squared / count).mean(-1).sqrt(),
            "mae": (absolute / count).mean(-1),
            "r2": self._explained(sums).nanmean(-1).nan_to_num(0.0),
        }

    def by_class(self, sums: Tensor) -> list[ClassFigure]:
        count, values = round(float(sums[-1])), self._explained(sums).tolist()
        return [
            ClassFigure(index=i, name=name, examples=count, value=None if value != value else value)
            for i, (name, value) in enumerate(zip(self.classes, values, strict=True))
        ]

    def class_values(self, sums: Tensor) -> Tensor:
        """Explained variance."""
        return self._explained(sums)

    def alike(self, answers: Tensor, others: Tensor) -> float:
        """Values are alike within a hundredth of a standard deviation of the targets, in which they are learnt."""
        return float(((answers - others).abs() <= 0.01).all(1).double().mean())

    def _explained(self, sums: Tensor) -> Tensor:
        squared, _, total, squares, *_, count = self._parts(sums)
        spread = squares - total.square() / count
        explained = 1 - squared / spread.clamp(min=1e-300)
        return torch.where(spread > 1e-12, explained, torch.full_like(spread, float("nan")))

    def _scale(self, like: Tensor) -> tuple[Tensor, Tensor]:
        target = self.dataset.target
        mean, std = target.mean or (0.0,) * like.shape[1], target.std or (1.0,) * like.shape[1]
        return like.new_tensor(mean), like.new_tensor(std)

    @staticmethod
    def _parts(sums: Tensor) -> tuple[Tensor, ...]:
        return (*sums[..., :-1].chunk(7, -1), sums[..., -1:])


class Ordered(Judged):
    """Answers of regression, whose rank correlation is no function of sums: it is counted from both orders."""

    def __init__(self, task: Task, rows: Tensor, answers: Tensor, targets: Tensor) -> None:
        super().__init__(task, rows)
        self.answers, self.targets = answers, targets

    def figures(self, weights: Tensor | None = None) -> Figures:
        found = super().figures(weights)
        asked = torch.ones(1, len(self), dtype=torch.float64) if weights is None else weights
        pairs = zip(self.answers.unbind(1), self.targets.unbind(1), strict=True)
        spearman = torch.stack([_alike_in_order(own, true, asked) for own, true in pairs], 1).mean(1)
        return {**found, "spearman": spearman[0] if weights is None else spearman}

    def part(self, index: Tensor) -> Judged:
        return Ordered(self.task, self.rows[index], self.answers[index], self.targets[index])


def _alike_in_order(own: Tensor, true: Tensor, weights: Tensor) -> Tensor:
    """Spearman's correlation of values [N] with values [N] in each resample: [R]; 0 where one side is all alike."""
    ranked = [ranks(side, weights) for side in (own, true)]
    count = weights.sum(1, keepdim=True)
    a, b = (side - (weights * side).sum(1, keepdim=True) / count for side in ranked)
    return _correlation(
        (weights * a * b).sum(1, keepdim=True),
        (weights * a.square()).sum(1, keepdim=True) * (weights * b.square()).sum(1, keepdim=True),
    )


def ranks(values: Tensor, weights: Tensor) -> Tensor:
    """Places of values [N] in their order from 1 on, each counted ``weights`` [R, N] times: float64 [R, N].

    Equal ones stand at the mean of their places.
    """
    levels, place = torch.unique(values, return_inverse=True)
    count = weights.new_zeros(len(weights), len(levels)).index_add_(1, place, weights)
    return (count.cumsum(1) - (count - 1) / 2)[:, place]


def _correlation(covariance: Tensor, spreads: Tensor) -> Tensor:
    """The mean over targets; 0 where answers or targets are all alike."""
    found = covariance / spreads.clamp(min=1e-300).sqrt()
    return torch.where(spreads > 1e-24, found, torch.zeros_like(found)).mean(-1)
