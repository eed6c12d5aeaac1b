"""Published connectors: pointwise layers, FT's translator, and branches to logits."""

import pytest
import torch
from learned_parts import noise
from torch import nn

from kdcore.objective import adapter


def joined(kind, student, teacher, **options):
    torch.manual_seed(0)
    piece = adapter(kind, [tuple(student.shape)], [tuple(teacher.shape)], **options).double()
    return piece, *(side[0] for side in piece([student], [teacher]))


@pytest.mark.parametrize(
    ("student", "teacher", "shape"),
    [
        ((3, 4, 8, 8), (3, 6, 4, 4), (3, 6, 4, 4)),
        ((3, 4, 4, 4), (3, 6, 8, 8), (3, 6, 4, 4)),
        ((3, 4, 8, 4), (3, 6, 4, 8), (3, 6, 4, 4)),
        ((3, 4), (3, 6), (3, 6)),
        ((3, 5, 4), (3, 5, 6), (3, 5, 6)),
    ],
)
@pytest.mark.parametrize("norm", [True, False])
def test_pointwise_layers_bring_both_sides_to_one_shape(student, teacher, shape, norm):
    piece, own, followed = joined("pointwise", noise(*student), noise(*teacher), layers=2, norm=norm)
    assert own.shape == followed.shape == shape
    assert any("Norm" in type(part).__name__ for part in piece.modules()) == norm


def test_a_pointwise_layer_looks_at_one_position_at_a_time():
    s, t = noise(2, 4, 3, 3).requires_grad_(), noise(2, 6, 3, 3)
    _, own, _ = joined("pointwise", s, t, layers=3)
    own[:, :, 1, 1].sum().backward()
    elsewhere = s.grad.clone()
    elsewhere[:, :, 1, 1] = 0
    assert s.grad[:, :, 1, 1].abs().sum() > 0
    assert elsewhere.abs().sum() == 0


def test_only_an_asked_for_activation_follows_the_last_layer():
    s, t = noise(8, 4), noise(8, 6)
    assert joined("pointwise", s, t, activation=True)[1].min() == 0
    assert joined("pointwise", s, t)[1].min() < 0


def test_a_connector_with_a_norm_is_there_even_where_shapes_agree():
    piece, _, _ = joined("pointwise", noise(4, 6, 3, 3), noise(4, 6, 3, 3), norm=True)
    assert {name for name, _ in piece.named_parameters()} == {"maps.0.0.weight", "maps.0.1.weight", "maps.0.1.bias"}


def test_features_of_different_kinds_are_refused():
    with pytest.raises(ValueError, match="joins features of one kind"):
        adapter("pointwise", [(3, 4, 8, 8)], [(3, 6)])


def test_a_translator_has_three_convolutions_and_ends_in_the_factor_s_channels():
    piece, own, followed = joined("translator", noise(3, 4, 8, 8), noise(3, 6, 4, 4))
    assert own.shape == followed.shape == (3, 6, 4, 4)
    convolutions = [part for part in piece.modules() if isinstance(part, nn.Conv2d)]
    assert [(one.in_channels, one.out_channels, one.kernel_size) for one in convolutions] == [
        (4, 4, (3, 3)),
        (4, 6, (3, 3)),
        (6, 6, (3, 3)),
    ]
    with pytest.raises(ValueError, match="'translator' joins feature maps"):
        adapter("translator", [(3, 4)], [(3, 4)])


@pytest.mark.parametrize("student", [(3, 4, 8, 8), (3, 7, 4), (3, 4)])
@pytest.mark.parametrize("hidden", [None, 9])
def test_a_branch_leads_from_any_feature_to_the_classes(student, hidden):
    s, t = noise(*student).requires_grad_(), noise(3, 10)
    _, own, followed = joined("classifier", s, t, hidden=hidden)
    own.square().sum().backward()
    assert own.shape == (3, 10)
    assert followed is t
    assert s.grad.abs().sum() > 0


def test_a_branch_follows_logits_alone():
    with pytest.raises(ValueError, match="follow the teacher's 'logits'"):
        adapter("classifier", [(3, 4, 8, 8)], [(3, 4, 8, 8)])
