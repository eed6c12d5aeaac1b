"""FT's paraphraser: what a teacher's layer says, in fewer channels from which all of it can be told again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from kdcore.models.landmarks import landmarks
from kdcore.objective.paths.places import default_sample
from kdcore.objective.paths.prompted import Speaker
from kdcore.objective.points import Capture
from kdcore.spec.rooms.paths import ParaphraserOptions

SLOPE = 0.1
"""Of the leaky rectifiers in the published code."""


class Paraphraser(nn.Module):
    """A convolutional autoencoder on one map of a frozen network: ``factor`` inside, ``reconstruction`` at its end.

    Kim et al. 2018 (FT, arXiv 1802.04977), section 3.1, as in the published code: three 3x3 convolutions down and
    three transposed ones up, each with a leaky rectifier. The network runs without gradient, up to the map alone
    unless its logits are asked for, and is not part of the path's parameters.

    Attributes:
        factor: [B, C, H, W] to [B, round(factor C), H, W].
        reconstruction: back to [B, C, H, W].
        head: passes the network's logits on.

    Args:
        network: the teacher, which is frozen by this.
        options: how many channels the factor has.
        at: the point of the map; the last block when empty.
        classifier: has no meaning here.
        sample: a few inputs, for one forward pass that traces shapes; made up when None.

    Raises:
        kdcore.errors.EngineError: ``layer_not_found``.
        ValueError: what is found there is no map.
    """

    def __init__(
        self,
        network: nn.Module,
        options: ParaphraserOptions,
        *,
        at: Sequence[str] = (),
        classifier: str | None = None,
        sample: Tensor | None = None,
    ) -> None:
        super().__init__()
        self._speaker = Speaker(network)
        self.at = at[0] if at else landmarks(network).features[-1]
        feature = self._feature(default_sample(network) if sample is None else sample)
        if feature.ndim != 4:
            raise ValueError(
                f"path 'paraphraser' works on maps [B, C, H, W] ({self.at} gives {tuple(feature.shape)}): name a "
                "layer of a convolutional network with `at`"
            )
        channels = feature.shape[1]
        inner = max(1, round(channels * options.factor))
        self.factor = leaky_layers(nn.Conv2d, (channels, channels, inner, inner))
        self.reconstruction = leaky_layers(nn.ConvTranspose2d, (inner, inner, channels, channels))
        self.head = nn.Identity()
        for part in (self.factor, self.reconstruction):
            part.to(feature.device, feature.dtype)

    @property
    def network(self) -> nn.Module:
        """What is paraphrased."""
        return self._speaker.network

    @torch.no_grad()
    def _feature(self, images: Tensor) -> Tensor:
        with Capture(self.network, [self.at]) as capture:
            return capture(images)[self.at]

    def forward(self, images: Tensor) -> Tensor:
        """The network's own logits [B, N]; factor and reconstruction are there to be captured on the way."""
        self.reconstruction(self.factor(self._feature(images)))
        with torch.no_grad():
            logits = self.network(images)
        return cast(Tensor, self.head(logits))


def leaky_layers(kind: type[nn.Conv2d] | type[nn.ConvTranspose2d], channels: Sequence[int]) -> nn.Sequential:
    """3x3 convolutions between these channels, a leaky rectifier behind each."""
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [kind(before, after, 3, padding=1), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)
