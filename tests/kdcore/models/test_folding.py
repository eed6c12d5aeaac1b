"""A network with folded BatchNorm answers as before, at the same places, and the network itself is not touched."""

import pytest
import torch
from torch import nn

import kdcore.models as models
from kdcore.models.folding import folded
from kdcore.objective.networks import fingerprint, freeze
from kdcore.objective.points import Capture


def settled(name, shape=(3, 32, 32), **options):
    """A frozen network whose running statistics are not those of its start."""
    torch.manual_seed(0)
    network = models.build(name, 10, **options)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    return freeze(network), torch.randn(4, *shape)


def norms(network):
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize(("name", "left"), [("resnet20", 0), ("resnet8x4", 0), ("torchvision/resnet18", 0)])
def test_every_norm_behind_a_convolution_is_folded_and_the_answers_stay(name, left):
    network, sample = settled(name)
    before = fingerprint(network)
    faster, count = folded(network, sample)
    assert (norms(faster), count) == (left, norms(network))
    torch.testing.assert_close(faster(sample), network(sample), rtol=1e-4, atol=1e-4)
    assert fingerprint(network) == before


def test_a_norm_in_front_of_its_convolution_stays():
    network, sample = settled("wrn-16-1")
    faster, count = folded(network, sample)
    assert 0 < count < norms(network)
    assert norms(faster) == norms(network) - count
    torch.testing.assert_close(faster(sample), network(sample), rtol=1e-4, atol=1e-4)


def test_what_is_looked_at_keeps_its_value():
    network, sample = settled("resnet20")
    points = ["stages.0.blocks.0.conv1", "stages.1.blocks.2", "stages.0.blocks.1.relu2@in"]
    faster, _ = folded(network, sample, keep=["stages.0.blocks.0.conv1"])
    for point in points:
        with Capture(network, [point]) as plain, Capture(faster, [point]) as quick:
            torch.testing.assert_close(quick(sample)[point], plain(sample)[point], rtol=1e-4, atol=1e-4)


def test_a_network_that_cannot_be_traced_is_given_back_as_it_is():
    class Undecided(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

        def forward(self, x):
            return self.bn(self.conv(x)) if float(x.sum()) > -1e9 else x

    network = freeze(Undecided())
    faster, count = folded(network, torch.randn(2, 3, 8, 8))
    assert faster is network
    assert count == 0


def test_a_layer_that_is_called_twice_stays():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x):
            return self.bn(self.conv(self.bn(self.conv(x))))

    assert folded(freeze(Twice()), torch.randn(2, 3, 8, 8))[1] == 0
