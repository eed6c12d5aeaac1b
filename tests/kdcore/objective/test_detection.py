"""Distances that know of boxes: known answers, masks, and pairs of detectors that cannot be compared."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.models import build
from kdcore.objective import distance
from kdcore.objective.distances import UNLABELLED
from kdcore.objective.distances.detection import binary_kl, foreground
from kdcore.objective.distances.detection_focal import GlobalContext, attention, masks

SIDE = 64
TARGET = torch.tensor([[[0, 8.0, 8, 40, 32], [-1, 0, 0, 0, 0]], [[1, 0, 16, 20, 60], [0, 30, 30, 60, 60]]])


def detector(name="detection/retinanet-tiny", seed=0, classes=2, **options):
    torch.manual_seed(seed)
    found = build(name, classes, **{"width": 0.1, **options}).eval()
    return found, found(torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)))


def test_the_label_loss_is_the_sum_of_the_detectors_own_losses():
    network, outputs = detector()
    loss = distance("detection")(outputs, None, TARGET, context={"student_network": network})
    assert loss.item() == pytest.approx(sum(network.losses(outputs, TARGET).values()).item())


def test_binary_divergence_is_that_of_two_coins():
    p, q = 0.2, 0.6
    wanted = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    student, teacher = torch.logit(torch.tensor([q])), torch.logit(torch.tensor([p]))
    assert binary_kl(student, teacher).item() == pytest.approx(wanted)


def test_anchors_count_by_what_the_teacher_sees_there():
    """With one anchor sure and all others at nothing, the loss is that anchor's."""
    network, outputs = detector()
    context = {"student_network": network, "teacher_network": network}
    teacher = torch.zeros_like(outputs)
    teacher[..., :2] = -60
    teacher[:, 7, 1] = 3.0
    student = teacher.clone()
    student[:, 7, 1] = 1.0
    student[:, 7, 2:6] += torch.tensor([0.5, 0, 2, 0])
    wanted = binary_kl(torch.tensor(1.0), torch.tensor(3.0)).item() + 0.125 + 1.5
    assert distance("detection_kl")(student, teacher, context=context).item() == pytest.approx(wanted, rel=1e-5)
    other = student.clone()
    other[:, 9] += 5  # where the teacher sees nothing
    assert distance("detection_kl")(other, teacher, context=context).item() == pytest.approx(wanted, rel=1e-5)


def test_background_is_no_class_where_there_is_a_column_for_it():
    columns = build("detection/ssdlite-mobilenet_v3_small", 2).columns
    logits = torch.tensor([[[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]]])
    assert foreground(logits, columns)[0].tolist() == pytest.approx([1 / 3, 1 / (math.exp(10) + 2)])


def test_detectors_with_other_anchors_are_refused_with_the_remedy():
    network, outputs = detector()
    other, theirs = detector(anchor_scale=4.0)
    context = {"student_network": network, "teacher_network": other}
    with pytest.raises(ValueError, match=r"same anchors.*points fpn"):
        distance("detection_kl")(outputs, theirs, context=context)


def test_what_is_no_output_of_the_detector_is_refused():
    network, outputs = detector()
    with pytest.raises(ValueError, match="raw outputs"):
        distance("detection")(outputs[:, :5], None, TARGET, context={"student_network": network})
    with pytest.raises(ValueError, match="reads boxes"):
        distance("detection")(outputs, None, TARGET[:, 0, 0], context={"student_network": network})


def test_a_mask_gives_each_box_its_share_and_background_the_rest():
    inside, outside = masks(TARGET[:1], (SIDE, SIDE), torch.zeros(1, 4, 8, 8))
    covered = torch.zeros(8, 8)
    covered[1:5, 1:6] = 1  # corners 8..40 by 8..32 pixels in steps of 8, the last row and column counted
    assert torch.equal(inside[0, 0], covered / 20)
    assert torch.equal(outside[0, 0], (1 - covered) / 44)


def test_where_boxes_overlap_the_smaller_one_counts():
    target = torch.tensor([[[0, 0.0, 0, 63, 63], [1, 16.0, 16, 24, 24]]])
    inside, outside = masks(target, (SIDE, SIDE), torch.zeros(1, 4, 8, 8))
    assert inside[0, 0, 2, 2].item() == pytest.approx(1 / 4)
    assert inside[0, 0, 0, 0].item() == pytest.approx(1 / 81)
    assert outside.sum() == 0


def test_a_picture_whose_boxes_are_unknown_has_neither():
    target = TARGET.clone()
    target[0, :, 0] = UNLABELLED
    inside, outside = masks(target, (SIDE, SIDE), torch.zeros(2, 4, 8, 8))
    assert inside[0].sum() == outside[0].sum() == 0
    assert inside[1].sum() > 0


BOX = st.tuples(st.integers(-1, 3), *(st.floats(0, 64, width=32) for _ in range(4)))


@settings(deadline=None)
@given(st.lists(BOX, max_size=6), st.integers(1, 20), st.integers(1, 20))
def test_masks_are_shares_that_part_the_map(boxes, height, width):
    rows = [(kind, min(a, c), min(b, d), max(a, c), max(b, d)) for kind, a, b, c, d in boxes]
    target = torch.tensor(rows, dtype=torch.float32).view(1, len(rows), 5)
    inside, outside = masks(target, (SIDE, SIDE), torch.zeros(1, 3, height, width))
    assert inside.shape == outside.shape == (1, 1, height, width)
    assert (inside >= 0).all()
    assert (inside <= 1).all()
    assert not ((inside > 0) & (outside > 0)).any()
    assert outside.sum().item() == pytest.approx(1 if (inside == 0).any() else 0, abs=1e-5)
    kept = sum(kind >= 0 for kind, *_ in rows)
    assert inside.sum().item() <= kept + 1e-4  # each box has one at most


def test_attention_has_mean_one_and_is_sharper_at_a_lower_temperature():
    maps = torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(0))
    for temperature in (0.5, 0.1):
        places, channels = attention(maps, temperature)
        assert places.mean((2, 3)).flatten().tolist() == pytest.approx([1, 1])
        assert channels.mean(1).flatten().tolist() == pytest.approx([1, 1])
    assert attention(maps, 0.1)[0].amax() > attention(maps, 0.5)[0].amax()


def test_focal_distillation_is_its_formula_written_out():
    """Loops over every position and channel, as the paper's sums read."""
    generator = torch.Generator().manual_seed(3)
    student, teacher = (torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    network, _ = detector()
    piece = distance("fgd").double()
    loss = piece(student, teacher, TARGET.double(), context={"student_network": network}).item()
    inside, outside = masks(TARGET, (SIDE, SIDE), teacher)
    places, channels = attention(teacher, 0.5)
    own_places, own_channels = attention(student, 0.5)
    focal = 0.0
    for b, c, h, w in torch.cartesian_prod(*(torch.arange(n) for n in student.shape)).tolist():
        share = 1e-3 * inside[b, 0, h, w] + 5e-4 * outside[b, 0, h, w]
        gap = (student - teacher)[b, c, h, w] ** 2
        focal += float(share * places[b, 0, h, w] * channels[b, c, 0, 0] * gap)
    seen = ((own_places - places).abs().sum() + (own_channels - channels).abs().sum()).item()
    related = (student - teacher).square().sum().item()  # blocks that add nothing yet
    assert loss == pytest.approx((focal + 1e-3 * seen + 5e-6 * related) / 2)


def test_a_context_block_adds_the_same_to_every_position():
    block = GlobalContext(4)
    torch.nn.init.normal_(block.add[-1].weight)
    maps = torch.randn(2, 4, 3, 5)
    added = block(maps) - maps
    assert torch.allclose(added, added[:, :, :1, :1].expand_as(added), atol=1e-6)
