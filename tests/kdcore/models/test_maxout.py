"""Maxout layers are the largest of their pieces, and their first weights keep the signal's size."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from kdcore.models import build
from kdcore.models.maxout import SECOND_MOMENT, GlobalMaxPool, Maxout, MaxoutConv2d, MaxoutLinear


def test_maxout_takes_the_largest_of_neighbouring_pieces():
    x = torch.tensor([[1.0, 5.0, -2.0, -3.0]])
    assert torch.equal(Maxout(2)(x), torch.tensor([[5.0, -2.0]]))


@pytest.mark.parametrize("pieces", [2, 5])
def test_a_maxout_convolution_is_the_maximum_of_its_pieces_as_separate_convolutions(pieces):
    layer = MaxoutConv2d(3, 4, 3, 1, pieces=pieces)
    nn.init.normal_(layer.conv.bias)
    x = torch.randn(2, 3, 6, 6)
    each = [F.conv2d(x, layer.conv.weight[i::pieces], layer.conv.bias[i::pieces], padding=1) for i in range(pieces)]
    assert torch.allclose(layer(x), torch.stack(each).amax(0), atol=1e-6)


def test_only_the_winning_piece_receives_a_gradient():
    layer = MaxoutLinear(1, 1, pieces=2)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[3.0], [1.0]]))
    layer(torch.ones(1, 1)).sum().backward()
    assert layer.linear.weight.grad.flatten().tolist() == [1.0, 0.0]


def test_batch_norm_stands_before_the_maximum():
    layer = MaxoutConv2d(1, 2, 3, 1, batch_norm=True)
    assert [name for name, _ in layer.named_children()] == ["conv", "bn", "maxout"]
    assert layer.conv.bias is None


def test_global_pooling_finds_the_largest_value_at_any_size():
    x = torch.randn(2, 3, 5, 7)
    assert torch.equal(GlobalMaxPool()(x).flatten(1), x.flatten(2).max(2).values)


@pytest.mark.parametrize("pieces", sorted(SECOND_MOMENT))
def test_the_tabulated_second_moments_are_those_of_a_maximum_of_normal_numbers(pieces):
    drawn = torch.randn(400_000, pieces, generator=torch.Generator().manual_seed(0)).amax(1)
    assert drawn.square().mean().item() == pytest.approx(SECOND_MOMENT[pieces], rel=0.01)


def test_the_signal_of_a_deep_thin_net_neither_vanishes_nor_explodes_at_the_start():
    torch.manual_seed(0)
    model = build("fitnet4", 10).eval()
    seen = []
    model.get_submodule("stages.2.blocks.4").register_forward_hook(lambda _m, _a, out: seen.append(out))
    model(torch.randn(4, 3, 32, 32))
    assert 0.1 < seen[0].square().mean().sqrt() < 10
