"""SimKD's student: its own body, a projector, and its teacher's classifier, frozen and delivered with it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.objective.bridges import across
from kdcore.objective.paths.places import default_sample
from kdcore.objective.paths.split import split
from kdcore.spec.rooms.paths import ReuseOptions

Size = tuple[int, int]


class Reuse(nn.Module):
    """``images -> head(pool(projector(body(images))))`` with the lender's pool and head.

    Chen et al. 2022 (SimKD, arXiv 2203.14001), section 3.2. ``body`` is the student up to its last block and shares
    its weights; its classifier is left out. ``pool`` and ``head`` are copies of what follows the lender's last block,
    frozen in evaluation mode. No hook takes part, so that the whole is copied, saved and exported as one network.

    Attributes:
        body: the student, whose modules keep their names.
        projector: from the student's last map to the lender's, in channels and size.
        pool, head: of the lender; ``head@in`` is the penultimate feature.

    Args:
        network: the student.
        options: of the projector.
        at, classifier: have no meaning here.
        sample: a few inputs, for one forward pass that traces shapes; made up when None.
        borrowed: the lender.

    Raises:
        ValueError: a network whose last map cannot be told from its classifier.
    """

    def __init__(
        self,
        network: nn.Module,
        options: ReuseOptions,
        *,
        borrowed: nn.Module,
        at: Sequence[str] = (),
        classifier: str | None = None,
        sample: Tensor | None = None,
    ) -> None:
        super().__init__()
        inputs = default_sample(network) if sample is None else sample
        own, lender = split(network, inputs), split(borrowed, inputs)
        self.body = own.body
        self.projector = Projector(own.feature, lender.feature, options.factor)
        self.pool, self.head = (copy.deepcopy(part).requires_grad_(False) for part in (lender.pool, lender.head))
        self.projector.to(own.feature.device, own.feature.dtype)
        self.train(network.training)

    def train(self, mode: bool = True) -> Self:
        """The student's own parts in training mode; the lender's stay in evaluation mode."""
        super().train(mode)
        self.pool.eval()
        self.head.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, N]."""
        return cast(Tensor, self.head(self.pool(self.projector(self.body(images)))))


class Projector(nn.Module):
    """A bottleneck of 1x1, 3x3 and 1x1 convolutions with BatchNorm and ReLU to the lender's channels and size.

    Section 3.2, figure 3; for series 1x3 in the middle. The student's larger map is averaged first, a smaller one
    repeated last (ours). The last ReLU is left out where the lender's map has negative values (ours).

    Args:
        student, lender: last maps of both on the same sample.
        factor: by which the inner layers have fewer channels than the lender.
    """

    def __init__(self, student: Tensor, lender: Tensor, factor: int) -> None:
        super().__init__()
        outer, inner = lender.shape[1], max(lender.shape[1] // factor, 1)
        layers: list[nn.Module] = []
        for inputs, outputs, side in ((student.shape[1], inner, 1), (inner, inner, 3), (inner, outer, 1)):
            kernel, padding = across(student.shape, side), across(student.shape, side // 2, 0)
            convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=False)
            layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
        if bool(torch.any(lender < 0)):
            layers.pop()
        self.layers = nn.Sequential(*layers)
        self.before, self.after = _sizes(tuple(student.shape[2:]), tuple(lender.shape[2:]))

    def forward(self, feature: Tensor) -> Tensor:
        """[B, C lender, H lender, W lender]."""
        if self.before is not None:
            feature = F.adaptive_avg_pool2d(feature, self.before)
        projected: Tensor = self.layers(feature)
        return projected if self.after is None else F.interpolate(projected, self.after, mode="nearest")


def _sizes(student: tuple[int, ...], lender: tuple[int, ...]) -> tuple[Size | None, Size | None]:
    """To what the map is averaged before the layers, and repeated behind them; None where it has that size."""
    smaller = (min(student[0], lender[0]), min(student[1], lender[1]))
    larger = (lender[0], lender[1])
    return None if smaller == student else smaller, None if larger == smaller else larger
