"""Families of networks for semantic segmentation: our U-Nets, and torchvision's with one tensor of masks as output."""

from __future__ import annotations

from typing import Any, cast

import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.models.family import IN_CHANNELS, WIDTH, Family, Prototype
from kdcore.models.landmarks import Landmarks, find_landmarks
from kdcore.models.unet import UNet
from kdcore.spec.tasks import TaskName

PREFIX = "torchvision/"
TASKS: tuple[TaskName, ...] = ("segmentation",)

UNETS = ("unet-2", "unet-3", "unet-4", "unet-5")
TORCHVISION = tuple(
    PREFIX + name
    for name in (
        "fcn_resnet50",
        "fcn_resnet101",
        "deeplabv3_mobilenet_v3_large",
        "deeplabv3_resnet50",
        "deeplabv3_resnet101",
        "lraspp_mobilenet_v3_large",
    )
)


class Masks(nn.Module):
    """``backbone`` and ``classifier`` of a torchvision network, under their own names: logits [B, K, H, W].

    Attributes:
        whole: whether the classifier looks at all of the backbone's maps, as that of LR-ASPP does.
    """

    def __init__(self, network: nn.Module, *, whole: bool) -> None:
        super().__init__()
        self.backbone = cast(nn.Module, network.backbone)
        self.classifier = cast(nn.Module, network.classifier)
        self.whole = whole
        found = find_landmarks(self)
        self.landmarks = Landmarks(found.features, found.classifier, found.middle)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.backbone(x)
        logits = self.classifier(maps if self.whole else maps["out"])
        return F.interpolate(logits, size=x.shape[-2:], mode="bilinear", align_corners=False)


def build_masks(name: str, num_classes: int, *, in_channels: int = 3) -> nn.Module:
    """The network ``torchvision/<name>`` with random weights and without its auxiliary classifier."""
    import torchvision.models as zoo

    from kdcore.models.vision import adapt_input

    network = zoo.get_model(name.removeprefix(PREFIX), weights=None, weights_backbone=None, num_classes=num_classes)
    model = Masks(network, whole="lraspp" in name)
    if in_channels != 3:
        adapt_input(model, in_channels)
    return model


def _unet(name: str, num_classes: int, **options: Any) -> nn.Module:
    return UNet(int(name.partition("-")[2]), num_classes, **options)


FAMILIES = (
    Family(
        name="unet",
        description="{name} for segmentation of small pictures: 16 channels at first (Ronneberger et al. 2015)",
        options={"in_channels": IN_CHANNELS, "width": WIDTH},
        names=UNETS,
        owns=UNETS.__contains__,
        build=_unet,
        prototypes=tuple(Prototype(name, name) for name in UNETS),
        reference=(8, (3, 64, 64)),
        tasks=TASKS,
    ),
    Family(
        name="torchvision/segmentation",
        description="torchvision's {name} with random weights, for segmentation",
        options={"in_channels": IN_CHANNELS},
        names=TORCHVISION,
        owns=TORCHVISION.__contains__,
        build=build_masks,
        prototypes=tuple(Prototype(name, name) for name in TORCHVISION),
        reference=(21, (3, 224, 224)),
        tasks=TASKS,
    ),
)
