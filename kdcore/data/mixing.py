"""Two pictures in one, and their labels with them: mixup and CutMix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kdcore.seeds import derive
from kdcore.spec.training import Augment


@dataclass(frozen=True)
class Mixed:
    """What else is in the pictures of a batch.

    Attributes:
        labels: int64 [B], of the pictures that were mixed in; ``UNLABELLED`` where the pictures' own are, too.
        share: float32 [B], what is left of the pictures that the batch's own labels are for; 1 minus it belongs to
            ``labels``.
    """

    labels: Tensor
    share: Tensor


class Mixer:
    """Mixes the pictures of a batch with each other; the pairs and the share follow from (seed, epoch, step).

    One share is drawn for the whole batch, as in both papers. Labelled pictures are mixed with labelled ones and
    those without a label with each other (ours): what is in a picture is known wholly or not at all.

    Args:
        augment: its ``mixup`` or ``cutmix`` or both: each step then takes one of them, by a fair coin (ours).
        known: bool [N] on the CPU, which pictures of the training split have a label.
    """

    def __init__(self, augment: Augment, known: Tensor, seed: int) -> None:
        self.ways = [(way, a) for way, a in ((_blended, augment.mixup), (_patched, augment.cutmix)) if a is not None]
        self.known, self.seed = known, seed

    def __call__(self, images: Tensor, labels: Tensor, index: Tensor, epoch: int, step: int) -> tuple[Tensor, Mixed]:
        """Pictures float32 [B, C, H, W] and labels int64 [B] of one step, mixed; ``index`` is on the CPU."""
        stream = np.random.default_rng(derive(self.seed, "mix", epoch, step))
        way, alpha = self.ways[int(stream.integers(len(self.ways)))]
        share = float(stream.beta(alpha, alpha))
        partners = self._partners(index, stream).to(images.device, non_blocking=True)
        mixed, share = way(images, images.index_select(0, partners), share, stream)
        shares = torch.full((len(labels),), share, device=labels.device)
        return mixed, Mixed(labels.index_select(0, partners), shares)

    def _partners(self, index: Tensor, stream: np.random.Generator) -> Tensor:
        partners, known = torch.empty_like(index), self.known[index]
        for group in (known.nonzero().squeeze(1), (~known).nonzero().squeeze(1)):
            partners[group] = group[torch.from_numpy(stream.permutation(len(group)))]
        return partners


def _blended(images: Tensor, others: Tensor, share: float, stream: np.random.Generator) -> tuple[Tensor, float]:
    """``share x + (1 - share) x'``: Zhang et al. 2018 (arXiv 1710.09412)."""
    return images * share + others * (1 - share), share


def _patched(images: Tensor, others: Tensor, share: float, stream: np.random.Generator) -> tuple[Tensor, float]:
    """A rectangle of ``1 - share`` of the area from the other picture: Yun et al. 2019 (arXiv 1905.04899).

    Its middle lies anywhere, and the share that is given back counts what is left of it within the picture.
    """
    height, width = images.shape[2:]
    side = (1 - share) ** 0.5
    top, bottom = _span(height, side, stream)
    left, right = _span(width, side, stream)
    patched = images.clone()
    patched[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
    return patched, 1 - (bottom - top) * (right - left) / (height * width)


def _span(length: int, side: float, stream: np.random.Generator) -> tuple[int, int]:
    middle, extent = int(stream.integers(length)), int(length * side)
    begin = middle - extent // 2
    return max(begin, 0), min(begin + extent, length)
