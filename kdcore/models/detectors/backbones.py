"""Backbones with a feature pyramid for detectors: torchvision's ResNets, and a small one of any width."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

import torchvision.models as zoo
from torch import Tensor, nn
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops.feature_pyramid_network import ExtraFPNBlock, FeaturePyramidNetwork, LastLevelP6P7

from kdcore.models.resnet import BasicBlock, init_convolutions
from kdcore.spec.catalogue_sizes import scaled

RESNET_STRIDES = (8, 16, 32, 64, 128)
FINER_STRIDES = (4, 8, 16, 32, 64)
TINY_STRIDES = (8, 16, 32)

TINY_STEM, TINY_CHANNELS = (16, 32), (64, 128, 256)
"""Channels of the small backbone before ``width``: of its stem, which halves twice, and of its stages."""

TINY_PYRAMID = 64
"""Channels of every level of the small backbone's pyramid, before ``width``."""


def resnet_pyramid(name: str) -> nn.Module:
    """torchvision's ResNet ``name`` with levels of 256 channels at strides 8 to 128, all of it trained.

    As ``retinanet_resnet50_fpn`` and ``fcos_resnet50_fpn`` build theirs, so that their weights fit.
    """
    backbone = zoo.get_model(name, weights=None)
    pyramid: nn.Module = _resnet_fpn_extractor(
        backbone, 5, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(256, 256)
    )
    return pyramid


def finer_pyramid(name: str) -> nn.Module:
    """torchvision's ResNet ``name`` with levels of 256 channels at strides 4 to 64, all of it trained.

    As ``fasterrcnn_resnet50_fpn`` builds its own, so that its weights fit.
    """
    backbone = zoo.get_model(name, weights=None)
    pyramid: nn.Module = _resnet_fpn_extractor(backbone, 5, extra_blocks=Coarser())
    return pyramid


class Coarser(ExtraFPNBlock):  # type: ignore[misc]  # torchvision has no types
    """torchvision's ``LastLevelMaxPool`` with the pooling as a layer of its own, so that hooks reach the level."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(1, 2)

    def forward(self, results: list[Tensor], x: list[Tensor], names: list[str]) -> tuple[list[Tensor], list[str]]:
        """The levels and one more, every other place of the last."""
        return [*results, self.pool(results[-1])], [*names, "pool"]


class TinyBackbone(nn.Module):
    """A small residual network with a pyramid at strides 8, 16 and 32, for pictures of some hundred pixels (ours).

    Args:
        in_channels: of the pictures.
        width: multiplier of every layer's channels.
    """

    def __init__(self, in_channels: int, width: float) -> None:
        super().__init__()
        stem = [in_channels, *(scaled(channels, width) for channels in TINY_STEM)]
        self.stem = nn.Sequential(*(_halving(a, b) for a, b in pairwise(stem)))
        channels = [stem[-1], *(scaled(one, width) for one in TINY_CHANNELS)]
        self.stages = nn.ModuleList(BasicBlock(a, b, 2, _shortcut(a, b)) for a, b in pairwise(channels))
        init_convolutions(self)
        self.out_channels = scaled(TINY_PYRAMID, width)
        self.fpn = FeaturePyramidNetwork(channels[1:], self.out_channels)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The levels, from fine to coarse."""
        x, maps = self.stem(images), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        levels: dict[str, Tensor] = self.fpn(OrderedDict((str(i), one) for i, one in enumerate(maps)))
        return levels


def _halving(inputs: int, outputs: int) -> nn.Module:
    convolution = nn.Conv2d(inputs, outputs, 3, 2, padding=1, bias=False)
    return nn.Sequential(OrderedDict(conv=convolution, bn=nn.BatchNorm2d(outputs), relu=nn.ReLU()))


def _shortcut(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(inputs, outputs, 1, 2, bias=False), bn=nn.BatchNorm2d(outputs)))
