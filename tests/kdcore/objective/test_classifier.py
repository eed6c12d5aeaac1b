"""Distances that read classifiers: class-activation maps, and what the teacher's classifier makes of a feature."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from learned_parts import gradients, noise
from torch import nn

from kdcore.objective import distance
from kdcore.objective.distances.classifier import class_maps

S, T = noise(3, 4, 4, 4), noise(3, 6, 8, 8, seed=1)


def head(width, classes=5, seed=0):
    torch.manual_seed(seed)
    return nn.Linear(width, classes).double()


def heads(student=4, teacher=6):
    return {"student_head": head(student), "teacher_head": head(teacher, seed=1)}


def test_a_class_map_averages_to_the_class_s_logit():
    classifier = head(4)
    maps = class_maps(S, classifier, "cat")
    torch.testing.assert_close(maps.mean((2, 3)), classifier(S.mean((2, 3))))


def test_a_linear_layer_and_its_convolution_see_the_same():
    linear = head(4)
    convolution = nn.Conv2d(4, 5, 1).double()
    convolution.weight.data, convolution.bias.data = linear.weight.data[:, :, None, None], linear.bias.data
    torch.testing.assert_close(class_maps(S, linear, "cat"), class_maps(S, convolution, "cat"))


def test_networks_that_see_classes_alike_cost_nothing_whatever_their_confidence():
    student, teacher = head(4), head(4)
    teacher.weight.data *= 7
    teacher.bias.data *= 7
    loss = distance("cat")(S, S.clone(), context={"student_head": student, "teacher_head": teacher})
    assert loss.item() == pytest.approx(0, abs=1e-12)


def test_opposite_class_maps_cost_four_over_the_positions():
    student, teacher = head(4), head(4)
    teacher.weight.data.neg_()
    teacher.bias.data.neg_()
    context = {"student_head": student, "teacher_head": teacher}
    assert distance("cat")(S, S.clone(), context=context).item() == pytest.approx(1)  # 2 x 2 positions
    assert distance("cat", size=4)(S, S.clone(), context=context).item() == pytest.approx(0.25)


def test_the_student_s_classifier_learns_and_the_teacher_s_side_does_not():
    student, teacher, context = S.clone().requires_grad_(), T.clone().requires_grad_(), heads()
    weights = context["student_head"].weight, context["teacher_head"].weight
    found = gradients(distance("cat")(student, teacher, context=context), student, teacher, *weights)
    assert found[1] is None
    assert found[3] is None
    assert found[0].abs().sum() > 0
    assert found[2].abs().sum() > 0


@pytest.mark.parametrize(("name", "shape"), [("cat", (1, 4, 4, 4)), ("srrl", (2, 4))])
def test_the_gradient_is_the_finite_difference(name, shape):
    context, teacher = heads(4, 4), noise(*shape, seed=1)
    student = noise(*shape, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: distance(name)(s, teacher, context=context), student)


def test_empty_and_constant_maps_stay_finite():
    context = heads()
    context["student_head"].bias.data.zero_()
    student = torch.zeros_like(S).requires_grad_()
    loss = distance("cat")(student, torch.ones_like(T), context=context)
    loss.backward()
    assert loss.isfinite()
    assert student.grad.isfinite().all()


@pytest.mark.parametrize(
    ("feature", "classifier", "reason"),
    [
        (S, nn.Sequential(nn.Linear(4, 5)), "got Sequential"),
        (S, nn.Linear(7, 5), "choose the map that is averaged for the classifier"),
        (noise(3, 4), nn.Linear(4, 5), r"cat looks at maps"),
    ],
)
def test_what_has_no_class_maps_is_refused(feature, classifier, reason):
    with pytest.raises(ValueError, match=reason):
        distance("cat")(feature, feature, context={"student_head": classifier, "teacher_head": classifier})


def test_a_missing_classifier_is_said_so():
    with pytest.raises(ValueError, match="needs student_head, teacher_head"):
        distance("cat")(S, T)


def test_softmax_regression_adds_the_classifier_s_view_to_the_feature_s():
    s, t, classifier = noise(3, 4), noise(3, 4, seed=1), head(4)
    expected = F.mse_loss(s, t) + F.mse_loss(classifier(s), classifier(t))
    torch.testing.assert_close(distance("srrl")(s, t, context={"teacher_head": classifier}), expected)


@given(st.integers(0, 20))
def test_softmax_regression_of_equals_is_zero(seed):
    s = noise(3, 4, seed=seed)
    assert distance("srrl")(s, s.clone(), context={"teacher_head": head(4)}).item() == 0


def test_the_teacher_s_classifier_passes_a_gradient_on_and_takes_none():
    s, t, classifier = noise(3, 4).requires_grad_(), noise(3, 4, seed=1).requires_grad_(), head(4)
    loss = distance("srrl")(s, t, context={"teacher_head": classifier})
    alone = F.mse_loss(s, t.detach())
    found = gradients(loss - alone, s, t, *classifier.parameters())
    assert found[0].abs().sum() > 0
    assert found[1:] == (None, None, None)


@pytest.mark.parametrize("name", ["cat", "srrl"])
def test_half_precision_features_meet_classifiers_in_float32(name):
    context = {side: one.float() for side, one in heads(4, 4).items()}
    s, t = (S, noise(3, 4, 4, 4, seed=2)) if name == "cat" else (noise(3, 4), noise(3, 4, seed=2))
    with torch.autocast("cpu", torch.bfloat16):
        loss = distance(name)(s.bfloat16(), t.bfloat16(), context=context)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, distance(name)(s.bfloat16(), t.bfloat16(), context=context))


def test_a_branch_is_measured_as_the_logits_themselves():
    s, t, y = noise(6, 5), noise(6, 5, seed=1), torch.tensor([0, 1, 2, 3, 4, 0])
    assert distance("ofa_branch", sharpness=1.5)(s, t, y) == distance("ofa", sharpness=1.5)(s, t, y)
