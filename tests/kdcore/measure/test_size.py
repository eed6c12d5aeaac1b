"""Parameters and multiply-adds of layers that can be counted on paper."""

import pytest
import torch
from torch import nn

from kdcore.measure import macs, parameters
from kdcore.models import build
from kdcore.spec.catalogue import describe


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Conv2d(3, 8, 3, padding=1), (3, 10, 10), 10 * 10 * 8 * 3 * 9),
        (nn.Conv2d(8, 8, 3, groups=8, stride=2, padding=1), (8, 10, 10), 5 * 5 * 8 * 9),
        (nn.Conv1d(2, 4, 5), (2, 20), 16 * 4 * 2 * 5),
        (nn.ConvTranspose2d(4, 6, 2, stride=2), (4, 5, 5), 5 * 5 * 4 * 6 * 4),
        (nn.Linear(12, 7), (12,), 84),
        (nn.Linear(12, 7), (9, 12), 9 * 84),
        (nn.BatchNorm2d(3), (3, 4, 4), 0),
    ],
)
def test_multiply_adds_of_one_layer_by_hand(layer: nn.Module, shape: tuple[int, ...], expected: int) -> None:
    assert macs(layer, shape) == expected


def test_a_layer_that_runs_twice_counts_twice_and_its_parameters_once() -> None:
    layer = nn.Linear(5, 5)
    twice = nn.Sequential(layer, nn.ReLU(), layer)
    assert macs(twice, (5,)) == 50
    assert parameters(twice) == 30


class SelfAttention(nn.Module):
    """Six tokens of width eight look at each other."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.attention(tokens, tokens, tokens, need_weights=False)[0]


@pytest.mark.parametrize("learns", [True, False])
def test_self_attention_counts_its_four_projections_and_two_products_frozen_or_not(learns: bool) -> None:
    model = SelfAttention().requires_grad_(learns)
    assert macs(model, (6, 8)) == 4 * 6 * 8 * 8 + 2 * 6 * 6 * 8


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [
        ("resnet8", (1, 8, 8)),
        ("wrn-16-2", (3, 32, 32)),
        ("fitnet1", (3, 32, 32)),
        ("torchvision/mobilenet_v3_small", (3, 64, 64)),
        ("torchvision/swin_t", (3, 64, 64)),
    ],
)
def test_the_plan_promised_what_is_measured(architecture: str, shape: tuple[int, int, int]) -> None:
    promised = describe(architecture, num_classes=10, input_shape=shape)
    model = build(architecture, 10, in_channels=shape[0])
    assert (macs(model, shape), parameters(model)) == (promised.macs, promised.parameters)


def test_counting_leaves_no_gradient_and_the_mode_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(), nn.Linear(4, 2)).train()
    with torch.no_grad():
        macs(model, (4,))
    with pytest.raises(RuntimeError):
        macs(model, (5,))
    assert all(part.training for part in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
