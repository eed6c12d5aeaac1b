"""Average precision of detections as COCO defines it, ready to be weighed anew for every resample of the pictures.

pycocotools matches detections with boxes, once. What is left is counting: at each detection that is a hit, hits so far
by detections so far is the precision, hits by boxes the recall. A picture that a resample draws twice counts twice in
both, so that no resample has to be matched again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
"""Overlaps (IoU) at which COCO asks whether a detection is a hit."""

MOST = 100
"""Detections of a class in a picture that count, the surest first."""

RECALLS = torch.from_numpy(np.linspace(0.0, 1.0, 101))  # to the last bit as pycocotools has them
AT_ONCE = 2**24
"""Numbers that are counted together."""


@dataclass(frozen=True)
class ClassMatches:
    """The detections of one class over all pictures, the surest first.

    Attributes:
        scores: float64 [D].
        pictures: int64 [D], which picture each is in.
        hits: bool [T, D], whether it is the match of a box at each threshold.
        boxes: float64 [N], boxes of the class in each picture.
    """

    scores: Tensor
    pictures: Tensor
    hits: Tensor
    boxes: Tensor


def matched(
    detections: Tensor, targets: Tensor, classes: int, thresholds: Sequence[float] = THRESHOLDS
) -> list[ClassMatches]:
    """Detections matched with boxes by pycocotools (``COCOeval.evaluateImg``), class by class.

    Args:
        detections: [N, D, 6]: class, x1, y1, x2, y2, score; class -1 fills up.
        targets: [N, M, 5]: class, x1, y1, x2, y2; class -1 fills up.
        classes: how many there are.
        thresholds: T overlaps.
    """
    judge = _judge(detections, targets, thresholds)
    return [_of_class(judge, kind, len(targets)) for kind in range(classes)]


def _judge(detections: Tensor, targets: Tensor, thresholds: Sequence[float]) -> Any:
    """pycocotools' evaluation, filled without its files."""
    from pycocotools.cocoeval import COCOeval

    judge = COCOeval(iouType="bbox")
    judge.params.iouThrs = np.array(thresholds)
    judge.params.maxDets = [MOST]
    judge._gts, judge._dts = defaultdict(list), defaultdict(list)
    for picture, rows in enumerate(targets.double().tolist()):
        for kind, *corners in rows:
            if kind >= 0:
                judge._gts[picture, int(kind)].append(_annotation(corners))
    for picture, rows in enumerate(detections.double().tolist()):
        for kind, *corners, score in rows:
            if kind >= 0:
                judge._dts[picture, int(kind)].append({**_annotation(corners), "score": score})
    for found in (*judge._gts.values(), *judge._dts.values()):
        for number, one in enumerate(found, start=1):  # 0 means no match
            one["id"] = number
    return judge


def _annotation(corners: Sequence[float]) -> dict[str, Any]:
    x1, y1, x2, y2 = corners
    return {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": 0, "ignore": 0}


def _of_class(judge: Any, kind: int, count: int) -> ClassMatches:
    scores: list[NDArray[Any]] = [np.zeros(0)]
    hits: list[NDArray[Any]] = [np.zeros((len(judge.params.iouThrs), 0), dtype=bool)]
    pictures, boxes = [np.zeros(0, dtype=np.int64)], np.zeros(count)
    for picture in range(count):
        boxes[picture] = len(judge._gts[picture, kind])
        judge.ious = {(picture, kind): judge.computeIoU(picture, kind)}
        found = judge.evaluateImg(picture, kind, [0, 1e10], MOST)
        if found is not None and len(found["dtScores"]):
            scores.append(np.array(found["dtScores"]))
            hits.append(found["dtMatches"] > 0)
            pictures.append(np.full(len(found["dtScores"]), picture))
    every = np.concatenate(scores)
    order = np.argsort(-every, kind="mergesort")  # as pycocotools sorts
    return ClassMatches(
        torch.from_numpy(every[order]).double(),
        torch.from_numpy(np.concatenate(pictures)[order]),
        torch.from_numpy(np.concatenate(hits, axis=1)[:, order]),
        torch.from_numpy(boxes),
    )


def average_precision(found: ClassMatches, weights: Tensor) -> Tensor:
    """COCO's average precision at each threshold: float64 [R, T], NaN where no box counts.

    The mean over 101 recalls of the largest precision at that recall or beyond, as ``COCOeval.accumulate`` has it.

    Args:
        weights: float64 [R, N], how often each picture counts.
    """
    step = max(1, AT_ONCE // max(len(found.scores), 1))
    return torch.cat([_weighed(found, part) for part in weights.split_with_sizes(_sizes(len(weights), step))])


def _sizes(total: int, step: int) -> list[int]:
    return [min(step, total - start) for start in range(0, total, step)]


def _weighed(found: ClassMatches, weights: Tensor) -> Tensor:
    counted = weights[:, found.pictures]
    so_far = counted.cumsum(1)
    boxes = weights @ found.boxes
    precisions = []
    for row in found.hits:
        at = row.nonzero()[:, 0]
        hits = counted[:, at].cumsum(1)
        precision = hits / (so_far[:, at] + np.spacing(1))
        ahead = precision.flip(1).cummax(1).values.flip(1) if len(at) else precision
        reached = torch.searchsorted(hits / boxes[:, None], RECALLS.expand(len(weights), -1).contiguous())
        padded = torch.cat([ahead, ahead.new_zeros(len(ahead), 1)], 1)
        precisions.append(padded.gather(1, reached.clamp(max=len(at))).mean(1))
    values = torch.stack(precisions, 1)
    return torch.where(boxes[:, None] > 0, values, torch.full_like(values, float("nan")))
