"""Semantic segmentation: a class for each pixel, judged by how far the areas of each class overlap."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from kdcore.measure.predict import predict
from kdcore.measure.quality import ClassFigure
from kdcore.objective.distances import UNLABELLED
from kdcore.tasks.base import Figures, Task, nanmean, share

NUMBERS_AT_ONCE = 2**24
"""Logits that a network is asked for together: masks are large, and only the class of a pixel is kept."""


class Segmentation(Task):
    """One class of K for each pixel. Rows: pixels hit, answered and truly of each class, [N, 3 K].

    Pixels without a class (``UNLABELLED``) count nowhere. Answers are logits [N, K, H, W], or classes [N, H, W].
    """

    name: ClassVar[str] = "segmentation"
    unknown: ClassVar[float] = UNLABELLED

    def answers(self, network: nn.Module, inputs: Tensor) -> Tensor:
        """The class of each pixel, uint8 [N, H, W] on the CPU; int16 from 256 classes on."""
        pixels = inputs[0].numel() // inputs.shape[1] if len(inputs) else 1
        size = max(1, NUMBERS_AT_ONCE // (pixels * max(self._count, inputs.shape[1])))
        kind = torch.uint8 if self._count <= 256 else torch.int16
        return torch.cat([predict(network, part).argmax(1).to(kind) for part in torch.split(inputs, size)])

    def statistics(self, answers: Tensor, targets: Tensor) -> Tensor:
        said, known = _classes(answers), targets != UNLABELLED
        rows = torch.arange(len(targets), device=targets.device)[:, None, None] * self._count
        hits = self._counted(rows + targets, known & (said == targets), len(targets))
        answered, true = (self._counted(rows + one, known, len(targets)) for one in (said, targets))
        return torch.cat([hits, answered, true], 1).double()

    def figures(self, sums: Tensor) -> Figures:
        """The mean IoU over the classes that are there or were answered (Long et al. 2015, section 5)."""
        hits, _, true = sums.chunk(3, -1)
        return {"miou": nanmean(_overlap(sums)), "pixel_accuracy": share(hits.sum(-1), true.sum(-1)).nan_to_num(0.0)}

    def by_class(self, sums: Tensor) -> list[ClassFigure]:
        """Intersection over union, and how many pixels are of the class."""
        _, _, true = sums.chunk(3, -1)
        rows = zip(self.classes, true.tolist(), _overlap(sums).tolist(), strict=True)
        return [
            ClassFigure(index=i, name=name, examples=round(count), value=None if value != value else value)
            for i, (name, count, value) in enumerate(rows)
        ]

    def class_values(self, sums: Tensor) -> Tensor:
        return _overlap(sums)

    def alike(self, answers: Tensor, others: Tensor) -> float:
        """Share of the pixels to which both give one class."""
        return float((_classes(answers) == _classes(others)).double().mean())

    def turned(self, targets: Tensor, chosen: Tensor, width: int) -> Tensor:
        return torch.where(chosen.bool()[:, None, None], targets.flip(-1), targets)

    @property
    def _count(self) -> int:
        return self.dataset.num_classes

    def _counted(self, places: Tensor, which: Tensor, count: int) -> Tensor:
        """How often each class was named in each picture: [N, K]."""
        return torch.bincount(places[which], minlength=count * self._count).reshape(count, self._count)


def _classes(answers: Tensor) -> Tensor:
    """Classes int64 [N, H, W] of logits, or as they are."""
    return answers.argmax(1) if answers.ndim == 4 else answers.long()


def _overlap(sums: Tensor) -> Tensor:
    """Intersection over union of each class, NaN where there is none: [..., K]."""
    hits, said, true = sums.chunk(3, -1)
    return share(hits, said + true - hits)
