"""Detectors say in one tensor what torchvision's say, and their losses and detections are torchvision's own."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import detection as zoo

from kdcore.models.detectors.base import CANDIDATES, PER_PICTURE, SCORE
from kdcore.models.detectors.families import FAMILIES, build_detector
from kdcore.objective.distances import UNLABELLED

SIDE = 128
TARGETS = torch.tensor(
    [
        [[0, 10, 12, 50, 61], [2, 30, 20, 91, 100]],
        [[-1, 0, 0, 0, 0], [-1, 0, 0, 0, 0]],
        [[1, 3, 64, 40, 120], [-1, 0, 0, 0, 0]],
    ],
    dtype=torch.float32,
)
PLAIN = {"image_mean": [0.0] * 3, "image_std": [1.0] * 3, "min_size": SIDE, "max_size": SIDE}
KEPT = {"score_thresh": SCORE, "topk_candidates": CANDIDATES, "detections_per_img": PER_PICTURE}


def pictures(count=3):
    return torch.randn(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def ours(name, **options):
    torch.manual_seed(1)
    family = next(one for one in FAMILIES if one.owns(name))
    defaults = {key: rule["default"] for key, rule in family.options.items()}
    return family.build(name, 3, **{**defaults, **options})


def original(name):
    """torchvision's own detector and how far its labels are from ours."""
    if name == "detection/ssdlite-mobilenet_v3_large":
        theirs = zoo.ssdlite320_mobilenet_v3_large(
            weights=None, weights_backbone=None, num_classes=4, image_mean=[0.0] * 3, image_std=[1.0] * 3
        )
        theirs.transform.fixed_size = (SIDE, SIDE)
        theirs.detections_per_img = PER_PICTURE
        return theirs, 1
    build = zoo.retinanet_resnet50_fpn if "retinanet" in name else zoo.fcos_resnet50_fpn
    return build(weights=None, weights_backbone=None, num_classes=3, **PLAIN, **KEPT), 0


NAMES = ["detection/retinanet-resnet50", "detection/fcos-resnet50", "detection/ssdlite-mobilenet_v3_large"]


@pytest.fixture(params=NAMES)
def pair(request):
    detector = ours(request.param)
    theirs, shift = original(request.param)
    theirs.load_state_dict(detector.state_dict())
    return detector, theirs, shift


def test_losses_are_torchvisions_own_on_the_same_weights_and_targets(pair):
    detector, theirs, shift = pair
    targets = [{"boxes": r[r[:, 0] >= 0, 1:], "labels": r[r[:, 0] >= 0, 0].long() + shift} for r in TARGETS]
    wanted = theirs.train()(list(pictures()), targets)
    found = detector.train()(pictures())
    losses = detector.losses(found, TARGETS)
    assert {name: loss.item() for name, loss in losses.items()} == {n: loss.item() for n, loss in wanted.items()}


def test_detections_are_torchvisions_own(pair):
    detector, theirs, shift = pair
    with torch.no_grad():
        wanted = theirs.eval()(list(pictures()))
        found = detector.detections(detector.eval()(pictures()))
    for mine, other in zip(found, wanted, strict=True):
        assert torch.equal(mine.boxes, other["boxes"])
        assert torch.equal(mine.scores, other["scores"])
        assert torch.equal(mine.labels, other["labels"] - shift)


@pytest.mark.parametrize("name", [name for family in FAMILIES for name in family.names])
def test_landmarks_are_layers_that_a_forward_pass_reaches(name):
    from kdcore.objective.points import Capture

    detector = ours(name).eval()
    points = [*detector.landmarks.features, *(p for places in detector.landmarks.aliases.values() for p in places)]
    with Capture(detector, [*points, detector.landmarks.classifier, "logits"]) as capture, torch.no_grad():
        seen = capture(pictures(1))
    assert torch.equal(seen["raw"], seen["logits"])
    assert seen["logits"].shape[1:] == detector.answer_shape
    levels = [tuple(seen[point].shape[2:]) for point in detector.landmarks.aliases["fpn"]]
    assert levels == detector.grids()


@pytest.mark.parametrize("side", [96, 100, 128, 161])
def test_anchors_follow_the_size_of_the_pictures(side):
    detector = ours("detection/retinanet-tiny", width=0.25).eval()
    with torch.no_grad():
        outputs = detector(torch.zeros(1, 3, side, side + 30))
    assert len(detector.anchors(torch.device("cpu"))) == outputs.shape[1] == sum(detector.levels())


def test_pictures_whose_boxes_are_unknown_do_not_count():
    detector = ours("detection/retinanet-tiny", width=0.25)
    outputs = detector.eval()(pictures())
    hidden = TARGETS.clone()
    hidden[2, :, 0] = UNLABELLED
    known = detector.losses(outputs[:2], TARGETS[:2])
    assert {n: v.item() for n, v in detector.losses(outputs, hidden).items()} == {n: v.item() for n, v in known.items()}
    hidden[:, :, 0] = UNLABELLED
    assert sum(detector.losses(outputs, hidden).values()).item() == 0


@pytest.mark.parametrize("name", ["detection/retinanet-tiny", "detection/fcos-tiny", NAMES[2]])
def test_a_batch_without_any_box_is_all_background(name):
    detector = ours(name)
    empty = torch.full_like(TARGETS, 0)
    empty[..., 0] = -1
    loss = sum(detector.losses(detector(pictures()), empty).values())
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in detector.parameters())
    flat = TARGETS.clone()
    flat[..., 3] = flat[..., 1]  # boxes without area are none
    assert sum(detector.losses(detector(pictures()), flat).values()).isfinite()


def test_a_detector_that_has_seen_no_picture_says_so():
    with pytest.raises(ValueError, match="no picture yet"):
        ours("detection/fcos-tiny", width=0.25).anchors(torch.device("cpu"))


def test_outputs_that_mean_the_same_are_told_by_their_layout():
    plain, narrow = ours("detection/retinanet-tiny"), ours("detection/retinanet-tiny", width=0.25)
    wide, other = ours("detection/retinanet-tiny", anchor_scale=4.0), ours("detection/fcos-tiny")
    for one in (plain, narrow, wide, other):
        one.eval()(pictures(1))
    assert plain.layout() == narrow.layout()
    assert plain.layout() not in (wide.layout(), other.layout())


def test_a_small_detector_learns_a_square():
    torch.manual_seed(0)
    detector = build_detector("detection/retinanet-tiny", 1, width=0.25, anchor_scale=2.0)
    picture = torch.zeros(2, 3, 64, 64)
    picture[:, :, 16:40, 20:44] = 1
    target = torch.tensor([[[0, 20.0, 16, 44, 40]]]).repeat(2, 1, 1)
    optimizer = torch.optim.AdamW(detector.parameters(), 3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        sum(detector.losses(detector(picture), target).values()).backward()
        optimizer.step()
    (best, *_), *_ = [one.boxes.tolist() for one in detector.detections(detector(picture))]
    assert best == pytest.approx([20, 16, 44, 40], abs=3)


def test_a_copy_detects_alike():
    detector = ours("detection/retinanet-tiny", width=0.25).eval()
    outputs = detector(pictures(1))
    twin = copy.deepcopy(detector)
    assert torch.equal(twin.detections(twin(pictures(1)))[0].boxes, detector.detections(outputs)[0].boxes)


def documented():
    """The lines of docs/detection.md that read outputs with NumPy alone."""
    text = (Path(__file__).parents[4] / "docs" / "detection.md").read_text(encoding="utf-8")
    names = {}
    exec(text.split("```python\n")[1].split("```")[0], names)
    return names


@pytest.mark.parametrize(
    "name", ["detection/retinanet-resnet18", "detection/fcos-tiny", "detection/ssdlite-mobilenet_v3_small"]
)
@pytest.mark.parametrize("size", [(128, 128), (100, 161)])
def test_the_documented_lines_read_the_outputs_as_the_detector_does(name, size):
    detector, lines = ours(name).eval(), documented()
    with torch.no_grad():
        outputs = detector(torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(2)))
        outputs = outputs + 0.3 * torch.randn(outputs.shape, generator=torch.Generator().manual_seed(3))
    read = json.loads(json.dumps(detector.decoding()))
    assert np.allclose(lines["anchors_of"](read), detector.anchors(torch.device("cpu")), atol=1e-3)
    boxes, scores = lines["decode"](outputs[0].numpy(), read)
    found = detector.detections(outputs)[0]
    assert len(found.scores)
    for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
        at = np.abs(scores[:, label] - score.item()) < 1e-5
        assert (np.abs(boxes[at] - box.numpy()) < 1e-2).all(1).any()
