"""Measuring a network leaves it exactly as it was."""

import pytest
import torch
from torch import nn

from kdcore.measure import macs, predict


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 3)
    )


def test_modes_and_batchnorm_statistics_survive_even_when_mixed() -> None:
    model = network().train()
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    predict(model, torch.randn(5, 1, 8, 8))
    macs(model, (1, 8, 8))
    assert [part.training for part in model] == [True, False, True, True, True, True]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_modes_survive_a_network_that_fails() -> None:
    model = network().train()
    with pytest.raises(RuntimeError):
        predict(model, torch.randn(5, 3, 8, 8))
    assert model.training


def test_logits_do_not_depend_on_the_batch_size_and_carry_no_gradient() -> None:
    model, images = network(), torch.randn(7, 1, 8, 8)
    whole, pieces = predict(model, images), predict(model, images, batch_size=3)
    assert torch.allclose(whole, pieces, atol=1e-6)
    assert whole.shape == (7, 3)
    assert not whole.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())


def test_logits_can_enter_a_loss_later() -> None:
    logits = predict(network(), torch.randn(4, 1, 8, 8))
    student = torch.zeros(4, 3, requires_grad=True)
    (logits * student).sum().backward()
    assert torch.equal(student.grad, logits)


def test_a_network_that_gives_no_tensor_is_named() -> None:
    class Pair(nn.Module):
        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return images, images

    with pytest.raises(TypeError, match="gave a tuple"):
        predict(Pair(), torch.zeros(1, 2))
