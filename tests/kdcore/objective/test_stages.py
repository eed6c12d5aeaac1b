"""What a stage trains, and how its weights move."""

import pytest
import torch
from torch import nn

from kdcore.objective.networks import fingerprint, freeze
from kdcore.objective.stages import parameters_upto, value_at
from kdcore.spec.objective import Ramp


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))


def test_only_what_lies_before_the_point_is_trained(network):
    names = parameters_upto(network, "2", torch.randn(2, 1, 8, 8))
    assert names == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_without_a_point_everything_is_trained(network):
    assert parameters_upto(network, None, torch.randn(2, 1, 8, 8)) == [n for n, _ in network.named_parameters()]


def test_looking_for_parameters_changes_nothing(network):
    network.train()
    before = fingerprint(network)
    parameters_upto(network, "2", torch.randn(2, 1, 8, 8))
    assert fingerprint(network) == before
    assert network.training


def test_a_frozen_network_stays_in_evaluation_mode_and_keeps_its_statistics(network):
    freeze(network)
    before = fingerprint(network)
    network.train()
    network(torch.randn(4, 1, 8, 8))
    assert not network.training
    assert not network[1].training
    assert fingerprint(network) == before
    assert not any(p.requires_grad for p in network.parameters())


def test_the_fingerprint_sees_a_single_bit_of_a_buffer(network):
    before = fingerprint(network)
    network[1].num_batches_tracked += 1
    assert fingerprint(network) != before


def test_the_imitation_weight_falls_by_six_thousandths_an_epoch_from_4_to_1_over_500():
    ramp = Ramp(start=4, to=1, over=500)
    values = [value_at(ramp, epoch) for epoch in range(600)]
    assert values[0] == 4
    assert values[0] - values[1] == pytest.approx(0.006)
    assert values == sorted(values, reverse=True)
    assert set(values[500:]) == {1.0}


def test_a_ramp_waits_for_its_beginning():
    ramp = Ramp(start=0, to=1, over=2, after=3)
    assert [value_at(ramp, epoch) for epoch in (0, 3, 4, 5, 9)] == [0, 0, 0.5, 1, 1]


def test_a_number_is_constant():
    assert value_at(0.3, 0) == value_at(0.3, 99) == 0.3
