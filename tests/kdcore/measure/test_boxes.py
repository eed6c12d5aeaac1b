"""Average precision is pycocotools' own, also of a resample of the pictures."""

import contextlib
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from kdcore.measure.boxes import THRESHOLDS, average_precision, matched

CLASSES = 3


def made(seed, pictures=6, boxes=4, detections=9):
    """Boxes, and detections of which most are near a box."""
    stream = np.random.default_rng(seed)
    corner, size = stream.uniform(0, 60, (pictures, boxes, 2)), stream.uniform(8, 40, (pictures, boxes, 2))
    kind = stream.integers(-1, CLASSES, (pictures, boxes, 1))
    targets = np.concatenate([kind, corner, corner + size], 2)
    chosen = stream.integers(0, boxes, (pictures, detections))
    near = np.take_along_axis(targets, chosen[..., None], 1)
    near[..., 1:] += stream.normal(0, 2.5, (pictures, detections, 4))
    near[..., 3:] = np.maximum(near[..., 3:], near[..., 1:3] + 1)
    near[stream.random((pictures, detections)) < 0.2, 0] = 1
    found = np.concatenate([near, stream.random((pictures, detections, 1))], 2)
    return torch.from_numpy(found), torch.from_numpy(targets)


def by_the_library(detections, targets):
    """Average precisions [T, K] as pycocotools' documented way gives them, NaN where it says -1."""
    truth, said = COCO(), COCO()
    images = [{"id": i} for i in range(len(targets))]
    kinds = [{"id": k} for k in range(CLASSES)]
    gts = [row(i, k, box) for i, rows in enumerate(targets.tolist()) for k, *box in rows if k >= 0]
    dts = [
        {**row(i, k, box), "score": s} for i, rows in enumerate(detections.tolist()) for k, *box, s in rows if k >= 0
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        for one, annotations in ((truth, gts), (said, dts)):
            for number, annotation in enumerate(annotations, start=1):
                annotation["id"] = number
            one.dataset = {"images": images, "categories": kinds, "annotations": annotations}
            one.createIndex()
        judge = COCOeval(truth, said, "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    precision = judge.eval["precision"][:, :, :, 0, 2].mean(1)
    return np.where(precision < 0, np.nan, precision), judge.stats[:3]


def row(picture, kind, box):
    x1, y1, x2, y2 = box
    bbox = [x1, y1, x2 - x1, y2 - y1]
    return {"image_id": picture, "category_id": int(kind), "bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": 0}


def ours(detections, targets, weights=None):
    weights = torch.ones(1, len(targets), dtype=torch.float64) if weights is None else weights
    return torch.stack([average_precision(one, weights) for one in matched(detections, targets, CLASSES)], 2)


def test_a_case_that_can_be_counted_by_hand():
    """Two boxes; a hit, a miss, a hit: precision 1 up to recall 1/2, then 2/3."""
    targets = torch.tensor([[[0, 0.0, 0, 10, 10], [0, 20, 20, 30, 30]]])
    detections = torch.tensor([[[0, 0.0, 0, 10, 10, 0.9], [0, 50, 50, 60, 60, 0.8], [0, 20, 20, 30, 30, 0.7]]])
    value = ours(detections, targets)[0, 0, 0].item()
    assert value == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)
    assert torch.isnan(ours(detections, targets)[0, :, 1:]).all()


@pytest.mark.parametrize("seed", range(4))
def test_average_precisions_are_pycocotools_own(seed):
    detections, targets = made(seed)
    wanted, stats = by_the_library(detections, targets)
    found = ours(detections, targets)[0]
    assert np.allclose(found.numpy(), wanted, rtol=0, atol=1e-12, equal_nan=True)
    means = [found.nanmean(), found[0].nanmean(), found[THRESHOLDS.index(0.75)].nanmean()]
    assert [value.item() for value in means] == pytest.approx(stats.tolist(), abs=1e-12)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 50), st.lists(st.integers(0, 3), min_size=6, max_size=6).filter(any))
def test_a_picture_that_counts_twice_is_as_good_as_two(seed, weights):
    detections, targets = made(seed)
    places = [i for i, count in enumerate(weights) for _ in range(count)]
    wanted, _ = by_the_library(detections[places], targets[places])
    found = ours(detections, targets, torch.tensor([weights], dtype=torch.float64))[0]
    assert np.allclose(found.numpy(), wanted, rtol=0, atol=1e-12, equal_nan=True)


def test_nothing_found_is_worth_nothing_and_nothing_to_find_has_no_worth():
    _, targets = made(0)
    empty = torch.full((len(targets), 0, 6), -1.0)
    values = ours(empty, targets)[0]
    assert (values == 0).all()
    assert torch.isnan(ours(made(0)[0], torch.full_like(targets, -1))).all()
