"""Tasks whose answers are classes: one among several, or any number of labels at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdcore.measure.quality import ClassFigure, agreement
from kdcore.objective.distances import UNLABELLED
from kdcore.tasks.base import Figures, Task, nanmean, share


class Classification(Task):
    """One class of K. Rows: hits, answers and examples of each class, [N, 3 K]."""

    name: ClassVar[str] = "classification"
    unknown: ClassVar[float] = UNLABELLED

    def statistics(self, answers: Tensor, targets: Tensor) -> Tensor:
        count = answers.shape[1]
        said = torch.nn.functional.one_hot(answers.argmax(1), count)
        true = torch.nn.functional.one_hot(targets, count)
        return torch.cat([said * true, said, true], 1).double()

    def figures(self, sums: Tensor) -> Figures:
        """Matthews correlation for several classes: Gorodkin 2004 (Comput. Biol. Chem. 28), from the same counts.

        Of two classes also the F1 of the second one, as GLUE counts it for paraphrases.
        """
        hits, said, true = sums.chunk(3, -1)
        total, right = true.sum(-1), hits.sum(-1)
        covariance = right * total - (said * true).sum(-1)
        spread = (total.square() - said.square().sum(-1)) * (total.square() - true.square().sum(-1))
        harmonic = share(2 * hits, said + true)
        return {
            "accuracy": share(right, total),
            "balanced_accuracy": nanmean(share(hits, true)),
            "f1_macro": nanmean(harmonic),
            **({"f1_positive": harmonic[..., 1].nan_to_num(0.0)} if hits.shape[-1] == 2 else {}),
            "matthews": torch.where(spread > 0, covariance / spread.clamp(min=1e-300).sqrt(), torch.zeros_like(spread)),
        }

    def alike(self, answers: Tensor, others: Tensor) -> float:
        return agreement(others, answers)

    def right(self, rows: Tensor) -> NDArray[np.bool_]:
        hits, _, _ = rows.chunk(3, -1)
        found: NDArray[np.bool_] = (hits.sum(-1) > 0).numpy()
        return found

    def by_class(self, sums: Tensor) -> list[ClassFigure]:
        _, _, true = sums.chunk(3, -1)
        return _by_class(self.classes, true, self.class_values(sums))

    def class_values(self, sums: Tensor) -> Tensor:
        """Recall."""
        hits, _, true = sums.chunk(3, -1)
        return share(hits, true)


class MultiLabel(Task):
    """Any of K labels at once, those with a logit above 0.

    Rows: hits, answers and truths of each label, then whether all are right, the share that is, and 1: [N, 3 K + 3].
    """

    name: ClassVar[str] = "multilabel"

    def statistics(self, answers: Tensor, targets: Tensor) -> Tensor:
        said, true = answers > 0, targets > 0.5
        right = said == true
        whole = [right.all(1, keepdim=True), right.double().mean(1, keepdim=True), torch.ones(len(right), 1)]
        return torch.cat([said & true, said, true, *whole], 1).double()

    def figures(self, sums: Tensor) -> Figures:
        (hits, said, true), exact, right, count = self._parts(sums)
        return {
            "f1_micro": share(2 * hits.sum(-1), (said + true).sum(-1)).nan_to_num(0.0),
            "f1_macro": nanmean(share(2 * hits, said + true)),
            "exact_match": share(exact, count),
            "label_accuracy": share(right, count),
        }

    def by_class(self, sums: Tensor) -> list[ClassFigure]:
        (_, _, true), *_ = self._parts(sums)
        return _by_class(self.classes, true, self.class_values(sums))

    def class_values(self, sums: Tensor) -> Tensor:
        """F1."""
        (hits, said, true), *_ = self._parts(sums)
        return share(2 * hits, said + true)

    def alike(self, answers: Tensor, others: Tensor) -> float:
        return float(((answers > 0) == (others > 0)).all(1).double().mean())

    @staticmethod
    def _parts(sums: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor, Tensor]:
        exact, right, count = sums[..., -3:].unbind(-1)
        return sums[..., :-3].chunk(3, -1), exact, right, count


def _by_class(names: Sequence[str], counts: Tensor, values: Tensor) -> list[ClassFigure]:
    rows = zip(names, counts.tolist(), values.tolist(), strict=True)
    return [
        ClassFigure(index=i, name=name, examples=round(count), value=None if value != value else value)
        for i, (name, count, value) in enumerate(rows)
    ]
