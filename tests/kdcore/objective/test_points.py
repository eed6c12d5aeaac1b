"""Features are captured from unmodified networks, true to their name, and only as far as needed."""

import pytest
import torch
from torch import nn

from kdcore.errors import EngineError
from kdcore.objective.points import Capture


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.act = nn.ReLU()
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        out = self.first(x)
        out += x
        out = self.act(out)
        out = self.act(self.second(out))
        return self.head(out)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Residual().eval()


@pytest.fixture
def images():
    return torch.randn(5, 4, generator=torch.Generator().manual_seed(1))


def test_inputs_outputs_logits_and_repeated_calls_are_told_apart(network, images):
    with Capture(network, ["logits", "second", "second@in", "act", "act#1"]) as capture:
        seen = capture(images)
    torch.testing.assert_close(seen["second@in"], network.act(network.first(images) + images))
    torch.testing.assert_close(seen["act"], seen["second@in"])
    torch.testing.assert_close(seen["act#1"], network.act(seen["second"]))
    torch.testing.assert_close(seen["logits"], network.head(seen["act#1"]))


def test_a_value_that_the_network_overwrites_later_is_captured_as_it_was(network, images):
    with Capture(network, ["first", "logits"]) as capture:
        for _ in range(2):
            torch.testing.assert_close(capture(images)["first"], network.first(images))


def test_a_feature_that_nobody_overwrites_is_not_copied(network, images):
    kept = []
    handle = network.second.register_forward_hook(lambda module, inputs, output: kept.append(output))
    with Capture(network, ["second"]) as capture:
        assert capture(images)["second"] is kept[-1]
    handle.remove()


def test_the_forward_pass_stops_at_the_deepest_point(network, images):
    reached = []
    network.head.register_forward_hook(lambda *_: reached.append("head"))
    with Capture(network, ["first", "second"]) as capture:
        capture(images)
    assert reached == []


def test_an_unknown_layer_is_refused_with_the_nearest(network):
    with pytest.raises(EngineError, match="no layer 'secnd'; nearest: second") as caught:
        Capture(network, ["secnd"])
    assert caught.value.code == "layer_not_found"


def test_a_call_that_never_happens_is_an_error_not_an_old_value(network, images):
    with Capture(network, ["act#2", "logits"]) as capture, pytest.raises(EngineError, match="never reached act#2"):
        capture(images)


def test_somebody_else_s_forward_pass_is_neither_stopped_nor_kept(network, images):
    expected = network(images)
    with Capture(network, ["first"]):
        torch.testing.assert_close(network(images), expected)


def test_no_hook_is_left_behind_and_other_instances_are_untouched(network, images):
    with Capture(network, ["second", "second@in"]):
        pass
    assert not network.second._forward_hooks
    assert not network.second._forward_pre_hooks


def test_gradients_flow_through_a_captured_feature(network, images):
    with Capture(network, ["second"]) as capture:
        capture(images)["second"].sum().backward()
    assert network.first.weight.grad.abs().sum() > 0
    assert network.head.weight.grad is None
