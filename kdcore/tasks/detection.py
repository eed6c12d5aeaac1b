"""Detection: answers are boxes with classes and scores, judged by COCO's mean average precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, cast

import torch
from torch import Tensor, nn

from kdcore.measure.boxes import MOST, THRESHOLDS, ClassMatches, average_precision, matched
from kdcore.measure.predict import device_of, evaluating
from kdcore.measure.quality import ClassFigure
from kdcore.objective.distances import UNLABELLED
from kdcore.spec.tasks import MetricInfo
from kdcore.tasks.base import Figures, Judged, Task, nanmean, share

NUMBERS = 2**22
"""Of inputs that are answered together."""

BINS = 32
"""Into which the scores fall for the figure of every epoch, of equal width in the score's square root."""

SURE, ALIKE = 0.5, 0.9
"""Score from which a detection counts, and overlap from which two are one, where two networks are compared."""


class Found(Protocol):
    """The detections of one picture, see `kdcore.models.detectors.Found`."""

    @property
    def boxes(self) -> Tensor: ...

    @property
    def scores(self) -> Tensor: ...

    @property
    def labels(self) -> Tensor: ...


class Detector(Protocol):
    """A network that reads its own outputs."""

    def detections(self, outputs: Tensor) -> Sequence[Found]:
        """What raw outputs [B, A, columns] say is in the pictures."""

    def decoding(self) -> dict[str, Any]:
        """What one needs to read raw outputs without it."""


class Detection(Task):
    """Boxes of K classes. Answers are detections [N, 100, 6]: class, x1, y1, x2, y2, score; class -1 fills up.

    The figures of the whole split are pycocotools' (`kdcore.measure.boxes`). Mean average precision is no function of
    sums, so every epoch is watched by one that nearly is: rows hold hits at an overlap of 0.5 and detections, class by
    class, in bins of their score, and the boxes of each class, [N, K (2 BINS + 1)]. The mean average precision of the
    binned scores is ``map_50`` but for the order within a bin (ours).
    """

    name: ClassVar[str] = "detection"
    unknown: ClassVar[float] = UNLABELLED

    @property
    def watched(self) -> MetricInfo:
        return next(metric for metric in self.info.metrics if metric.name == "map_50")

    @property
    def most_checked(self) -> int | None:
        return 64

    def answers(self, network: nn.Module, inputs: Tensor) -> Tensor:
        step, device = max(1, NUMBERS // inputs[0].numel()), device_of(network)
        with evaluating(network), torch.no_grad():
            parts = [self.decoded(network, network(part.to(device)).float()) for part in torch.split(inputs, step)]
        return torch.cat(parts)

    def decoded(self, network: nn.Module, outputs: Tensor) -> Tensor:
        found = cast(Detector, network).detections(outputs)
        return torch.stack([_rows(one) for one in found]).cpu()

    def reading(self, network: nn.Module) -> dict[str, Any]:
        return {"decoding": cast(Detector, network).decoding()}

    def statistics(self, answers: Tensor, targets: Tensor) -> Tensor:
        rows = [self._binned(one, len(targets)) for one in matched(answers, targets, len(self.classes), (0.5,))]
        return torch.cat([*(hits for hits, _, _ in rows), *(said for _, said, _ in rows), *(b for _, _, b in rows)], 1)

    @staticmethod
    def _binned(found: ClassMatches, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Hits and detections of one class by picture and bin, the surest bin first, and boxes by picture."""
        place = BINS - 1 - (found.scores.sqrt() * BINS).long().clamp(max=BINS - 1)
        flat = found.pictures * BINS + place
        hits = torch.zeros(count * BINS, dtype=torch.float64).index_add(0, flat, found.hits[0].double())
        said = torch.zeros(count * BINS, dtype=torch.float64).index_add(0, flat, torch.ones_like(found.scores))
        return hits.view(count, BINS), said.view(count, BINS), found.boxes[:, None]

    def figures(self, sums: Tensor) -> Figures:
        return {"map_50": nanmean(self._precisions(sums))}

    def _precisions(self, sums: Tensor) -> Tensor:
        """Average precision of each class from binned scores: the area under precision over recall, [..., K]."""
        count = len(self.classes)
        hits, said = sums[..., : 2 * count * BINS].view(*sums.shape[:-1], 2, count, BINS).unbind(-3)
        boxes = sums[..., 2 * count * BINS :]
        so_far = hits.cumsum(-1)
        precision = (so_far / said.cumsum(-1).clamp(min=1)).flip(-1).cummax(-1).values.flip(-1)
        return share((precision * hits).sum(-1), boxes)

    def judged(self, answers: Tensor, targets: Tensor) -> Judged:
        return JudgedBoxes(self, answers, targets)

    def alike(self, answers: Tensor, others: Tensor) -> float:
        """Share of the pictures in which each sure detection of the one has its like among those of the other."""
        pairs = zip(answers, others, strict=True)
        return sum(_alike(one, other) and _alike(other, one) for one, other in pairs) / max(len(answers), 1)

    def turned(self, targets: Tensor, chosen: Tensor, width: int) -> Tensor:
        kind, x1, y1, x2, y2 = targets.unbind(-1)
        mirrored = torch.stack([kind, width - x2, y1, width - x1, y2], -1)
        real = (kind >= 0) & chosen[:, None].bool()
        return torch.where(real[..., None], mirrored, targets)


class JudgedBoxes(Judged):
    """Detections of a whole split, matched once; figures of any resample are counted from the matches."""

    def __init__(self, task: Detection, answers: Tensor, targets: Tensor) -> None:
        super().__init__(task, torch.zeros(len(targets), 0, dtype=torch.float64))
        self._kind, self._answers, self._targets = task, answers, targets
        self._matches = matched(answers, targets, len(task.classes))

    def figures(self, weights: Tensor | None = None) -> Figures:
        asked = torch.ones(1, len(self.rows), dtype=torch.float64) if weights is None else weights
        every = torch.stack([average_precision(one, asked) for one in self._matches], 2)  # [R, T, K]
        found = {"map": nanmean(every.flatten(1))}
        found |= {f"map_{at * 100:.0f}": nanmean(every[:, THRESHOLDS.index(at)]) for at in (0.5, 0.75)}
        return {name: value[0] for name, value in found.items()} if weights is None else found

    def by_class(self) -> list[ClassFigure]:
        ones = torch.ones(1, len(self.rows), dtype=torch.float64)
        values = [float(average_precision(one, ones).mean()) for one in self._matches]
        boxes = [round(float(one.boxes.sum())) for one in self._matches]
        return [
            ClassFigure(index=i, name=name, examples=count, value=None if value != value else value)
            for i, (name, count, value) in enumerate(zip(self.task.classes, boxes, values, strict=True))
        ]

    def class_values(self, weights: Tensor) -> Tensor:
        return torch.stack([average_precision(one, weights).mean(1) for one in self._matches], 1)

    def part(self, index: Tensor) -> Judged:
        return JudgedBoxes(self._kind, self._answers[index], self._targets[index])


def _rows(found: Found) -> Tensor:
    """Detections [MOST, 6] of one picture."""
    rows = torch.cat([found.labels[:, None], found.boxes, found.scores[:, None]], 1)[:MOST]
    return torch.cat([rows, rows.new_full((MOST - len(rows), 6), -1)])


def _alike(one: Tensor, other: Tensor) -> bool:
    """Whether each sure detection of ``one`` has a detection of its class and place in ``other``."""
    from torchvision.ops import box_iou

    mine = one[(one[:, 0] >= 0) & (one[:, 5] >= SURE)]
    theirs = other[(other[:, 0] >= 0) & (other[:, 5] >= SURE - 0.05)]
    if not len(mine):
        return True
    near = (box_iou(mine[:, 1:5], theirs[:, 1:5]) >= ALIKE) & (mine[:, :1] == theirs[None, :, 0])
    return bool(near.any(1).all())
