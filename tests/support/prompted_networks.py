"""Networks of every kind for the tests of prompted paths, and one step of such a path."""

import torch
import torchvision
from torch import nn

from kdcore.models import build
from kdcore.models.conv1d import SignalResNet
from kdcore.objective.networks import freeze


class Sensor(nn.Module):
    """A small one-dimensional network with BatchNorm and an in-place activation behind its blocks."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*(self._block(a, b) for a, b in ((2, 8), (8, 16), (16, 24))))
        self.after = nn.ReLU(inplace=True)
        self.head = nn.Linear(24, 4)

    @staticmethod
    def _block(inputs, outputs):
        return nn.ModuleDict({"conv": nn.Conv1d(inputs, outputs, 5, 2, 2), "norm": nn.BatchNorm1d(outputs)})

    def forward(self, x):
        for block in self.blocks:
            x = block["norm"](block["conv"](x))
        return self.head(self.after(x).mean(-1))


def vit():
    return torchvision.models.VisionTransformer(32, 8, 4, 2, 16, 32, num_classes=4)


NETWORKS = {
    "resnet": (lambda: build("resnet8", 4, width=0.5), (3, 16, 16), {}),
    "wrn": (lambda: build("wrn-10-1", 4, width=0.5), (3, 16, 16), {}),
    "vit": (vit, (3, 32, 32), {}),
    "swin": (
        lambda: torchvision.models.SwinTransformer([4, 4], 8, [1, 1], [2, 2], [4, 4], num_classes=4),
        (3, 32, 32),
        {},
    ),
    "own transformer": (lambda: build("vit-2", 4, width=0.25, image_size=32), (3, 32, 32), {}),
    "own sensor network": (lambda: SignalResNet(1, 2, 4, width=0.5), (2, 40), {}),
    "mobilenet": (lambda: torchvision.models.mobilenet_v2(num_classes=4, width_mult=0.25), (3, 32, 32), {}),
    "squeezenet, activations in place behind a convolution for a head": (
        lambda: torchvision.models.squeezenet1_1(num_classes=4),
        (3, 32, 32),
        {},
    ),
    "one dimension": (Sensor, (2, 40), {"at": ("blocks.0.norm", "blocks.1.norm", "blocks.2.norm")}),
}


def trained_a_little(make, shape):
    """A frozen network whose BatchNorm statistics are not the initial ones, and inputs for it."""
    torch.manual_seed(0)
    network = make()
    for parameter in network.parameters():  # no layer starts at zero, as torchvision's ViT head does
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    inputs = torch.randn(4, *shape)
    network.train()(inputs)
    return freeze(network), inputs


def hooks(network):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


def step(path, inputs, labels, rate=0.05):
    optimiser = torch.optim.SGD(path.parameters(), lr=rate)
    loss = nn.functional.cross_entropy(path(inputs), labels)
    loss.backward()
    optimiser.step()
    return loss.item()


LABELS = torch.tensor([0, 1, 2, 3])
