"""Faster R-CNN says in one tensor what torchvision's says; its losses are torchvision's on the same proposals."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import detection as zoo
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops import MultiScaleRoIAlign, batched_nms

from kdcore.models.detectors.base import PER_PICTURE, SCORE
from kdcore.models.detectors.families import PROPOSALS, build_detector
from kdcore.models.detectors.fasterrcnn import SAMPLED
from kdcore.models.detectors.pooling import pool, pooled
from kdcore.models.detectors.proposals import PER_LEVEL, proposals
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


def pictures(count=3, side=SIDE):
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))


def tiny(classes=3, seed=1, **options):
    torch.manual_seed(seed)
    return build_detector("detection/fasterrcnn-tiny", classes, **{"width": 0.25, **options})


@pytest.fixture(scope="module")
def pair():
    """Ours and torchvision's with the same weights; the first stage speaks up, so that proposals are no accident."""
    torch.manual_seed(1)
    detector = build_detector("detection/fasterrcnn-resnet18", 3)
    for layer in (detector.rpn.head.cls_logits, detector.rpn.head.bbox_pred):
        torch.nn.init.normal_(layer.weight, std=0.1)
    theirs = zoo.FasterRCNN(
        resnet_fpn_backbone(
            backbone_name="resnet18", weights=None, norm_layer=torch.nn.BatchNorm2d, trainable_layers=5
        ),
        num_classes=4,
        image_mean=[0.0] * 3,
        image_std=[1.0] * 3,
        min_size=SIDE,
        max_size=SIDE,
        rpn_pre_nms_top_n_train=PER_LEVEL,
        rpn_post_nms_top_n_train=PROPOSALS[0],
        rpn_post_nms_top_n_test=PROPOSALS[0],
        box_score_thresh=SCORE,
        box_detections_per_img=PER_PICTURE,
        box_batch_size_per_image=SAMPLED,
    )
    theirs.load_state_dict(detector.state_dict())
    return detector, theirs


def test_weights_of_torchvisions_published_network_fit():
    with torch.device("meta"):
        detector = build_detector("detection/fasterrcnn-resnet50", 90)
        theirs = zoo.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=91)
    shapes, wanted = ({k: v.shape for k, v in one.state_dict().items()} for one in (detector, theirs))
    assert shapes == wanted


def test_losses_and_gradients_are_torchvisions_own_on_the_same_proposals(pair):
    detector, theirs = (copy.deepcopy(one).train() for one in pair)
    theirs.roi_heads.add_gt_proposals = lambda found, boxes: list(found)  # what ours cannot do, as its docs say
    theirs.transform.torch_choice = lambda sides: sides[0]  # draws a number even where there is no choice
    targets = [{"boxes": r[r[:, 0] >= 0, 1:], "labels": r[r[:, 0] >= 0, 0].long() + 1} for r in TARGETS]
    torch.manual_seed(5)
    wanted = theirs(list(pictures()), targets)
    outputs = detector(pictures())
    torch.manual_seed(5)
    losses = detector.losses(outputs, TARGETS)
    assert losses.keys() == wanted.keys()
    for name, loss in losses.items():
        assert loss.item() > 0
        assert loss.item() == pytest.approx(wanted[name].item(), rel=1e-5), name
    sum(wanted.values()).backward()
    sum(losses.values()).backward()
    gradients = {name: one.grad for name, one in theirs.named_parameters()}
    for name, parameter in detector.named_parameters():
        gap = (parameter.grad - gradients[name]).norm()
        assert gap <= 1e-3 * gradients[name].norm() + 1e-6, name


def test_detections_are_torchvisions_own(pair):
    detector, theirs = pair
    with torch.no_grad():
        wanted = theirs.eval()(list(pictures()))
        found = detector.detections(detector.eval()(pictures()))
    for mine, other in zip(found, wanted, strict=True):
        assert len(mine.boxes) > 10
        torch.testing.assert_close(mine.boxes, other["boxes"], atol=1e-3, rtol=1e-5)
        torch.testing.assert_close(mine.scores, other["scores"])
        assert torch.equal(mine.labels, other["labels"] - 1)


def test_rows_are_anchors_then_classes_of_proposals_then_proposals():
    detector = tiny().eval()
    outputs = detector(pictures(2))
    anchors = len(detector.anchors(torch.device("cpu")))
    assert anchors == 3 * (16**2 + 8**2 + 4**2)
    assert outputs.shape == (2, anchors + 100 * 4 + 100, 5)
    assert outputs.shape[1:] == detector.answer_shape
    corners = outputs[:, -100:, 1:]
    assert corners.min() >= 0
    assert corners.max() <= SIDE
    assert (
        not corners.requires_grad
        or torch.autograd.grad(corners.sum(), detector.rpn.head.cls_logits.weight)[0].eq(0).all()
    )


def test_rows_without_a_proposal_are_empty_and_change_nothing():
    detector = tiny().eval()
    outputs = detector(pictures(1, side=32)).detach()  # 63 anchors, fewer than proposals
    there = outputs[0, -100:, 0] > 0
    assert 0 < there.sum() <= 63
    assert (outputs[0, -100:][~there] == 0).all()
    other = outputs.clone()
    rows = detector.named(other)["logits"]
    rows[0, ~there] = 9.0
    assert not torch.equal(other, outputs)
    target = torch.tensor([[[1, 4.0, 4, 20, 24]]])
    torch.manual_seed(0)
    first = detector.losses(outputs, target)
    torch.manual_seed(0)
    assert {n: v.item() for n, v in detector.losses(other, target).items()} == {n: v.item() for n, v in first.items()}
    assert torch.equal(detector.detections(other)[0].boxes, detector.detections(outputs)[0].boxes)


def test_proposals_are_the_surest_boxes_after_suppression():
    stream = torch.Generator().manual_seed(0)
    corner = torch.rand(2, 60, 2, generator=stream) * 40
    boxes = torch.cat([corner, corner + 4 + torch.rand(2, 60, 2, generator=stream) * 30], 2)
    scores, levels = torch.randn(2, 60, generator=stream), [40, 20]
    found = proposals(boxes, scores, levels, [64, 64], 50, 0.5)
    level = torch.tensor([0] * 40 + [1] * 20)
    for at in range(2):
        clipped = boxes[at].clamp(max=64)
        kept = batched_nms(clipped, scores[at].sigmoid(), level, 0.5)[:50]
        assert torch.equal(found[at, : len(kept)], clipped[kept])
        assert (found[at, len(kept) :] == 0).all()


def test_features_under_boxes_are_those_of_torchvisions_pooling():
    stream = torch.Generator().manual_seed(0)
    maps = [torch.randn(2, 3, 512 // by, 512 // by, generator=stream, requires_grad=True) for by in (4, 8, 16, 32)]
    corner = torch.rand(2, 30, 2, generator=stream) * 60
    boxes = torch.cat([corner, corner + torch.logspace(0.5, 2.7, 30)[None, :, None].expand(2, -1, 2)], 2)
    names = [str(i) for i in range(4)]
    theirs = MultiScaleRoIAlign(names, 7, 2)
    wanted = theirs(dict(zip(names, maps, strict=True)), list(boxes), [(512, 512)] * 2)
    found = pooled(maps, (4, 8, 16, 32), boxes)
    torch.testing.assert_close(found, wanted.view(2, 30, -1))
    weights = torch.randn(found.shape, generator=stream)
    weights[:, ::2] = 0
    theirs_back = torch.autograd.grad((wanted.view(2, 30, -1) * weights).sum(), maps)
    for mine, other in zip(torch.autograd.grad((found * weights).sum(), maps), theirs_back, strict=True):
        assert other.any()
        torch.testing.assert_close(mine, other)


def test_both_operators_keep_what_a_compiler_asks_of_them():
    stream = torch.Generator().manual_seed(0)
    maps = [torch.randn(2, 3, 64 // by, 64 // by, generator=stream, requires_grad=True) for by in (4, 8)]
    corner = torch.rand(6, 2, generator=stream) * 20
    rois = torch.cat([torch.tensor([[0.0], [1]]).repeat(3, 1), corner, corner + 30], 1)
    wanted = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")
    torch.library.opcheck(pool, (maps, rois, torch.tensor([0, 1] * 3), [4, 8]), test_utils=wanted)
    boxes = rois[None, :, 1:]
    asked = (boxes, torch.randn(1, 6, generator=stream), [4, 2], [64, 64], 8, 0.5)
    torch.library.opcheck(proposals, asked, test_utils=wanted)


def test_pictures_whose_boxes_are_unknown_do_not_count():
    detector = tiny()
    outputs, hidden = detector.eval()(pictures()), TARGETS.clone()
    hidden[2, :, 0] = UNLABELLED
    torch.manual_seed(0)
    known = detector.losses(outputs[:2], TARGETS[:2])
    torch.manual_seed(0)
    assert {n: v.item() for n, v in detector.losses(outputs, hidden).items()} == {n: v.item() for n, v in known.items()}


def test_a_batch_without_any_box_is_all_background():
    detector, empty = tiny(), torch.full_like(TARGETS, -1)
    loss = sum(detector.losses(detector(pictures()), empty).values())
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in detector.parameters())


def test_outputs_of_two_cannot_be_compared_row_by_row():
    detector = tiny().eval()
    detector(pictures(1))
    with pytest.raises(ValueError, match="points fpn"):
        detector.layout()


def test_it_learns_a_square():
    detector = tiny(1, seed=0)
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


def test_the_documented_lines_read_the_outputs_as_the_detector_does():
    text = (Path(__file__).parents[4] / "docs" / "detection.md").read_text(encoding="utf-8")
    lines: dict = {}
    exec(text.split("```python\n")[2].split("```")[0], lines)
    detector = tiny().eval()
    with torch.no_grad():
        outputs = detector(torch.randn(1, 3, 100, 161, generator=torch.Generator().manual_seed(2)))
        outputs[:, : -detector.count] += 0.3 * torch.randn(
            outputs[:, : -detector.count].shape, generator=torch.Generator().manual_seed(3)
        )
    read = json.loads(json.dumps(detector.decoding()))
    boxes, scores = lines["decode_proposals"](outputs[0].numpy(), read)
    found = detector.detections(outputs)[0]
    assert len(found.scores)
    for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
        at = np.abs(scores[:, label] - score.item()) < 1e-5
        assert (np.abs(boxes[at, label] - box.numpy()) < 1e-2).all(1).any()
