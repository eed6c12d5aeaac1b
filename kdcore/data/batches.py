"""Batches from memory: order and augmentation depend on seed, epoch and index only, so a resumed run sees the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.data.readers import Pictures
from kdcore.data.sampler import Balanced, ClassOrder
from kdcore.seeds import generator
from kdcore.spec.training import Augment


@dataclass(frozen=True)
class Batch:
    """One step's pictures.

    Attributes:
        images: float32 [B, C, H, W], normalised.
        labels: int64 [B]; ``UNLABELLED`` where the learner may not know.
        index: int64 [B], places in the training split.
    """

    images: Tensor
    labels: Tensor
    index: Tensor


@dataclass(frozen=True)
class Normalise:
    """From bytes to the network's input: ``(x / 255 - mean) / std`` by channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: Tensor) -> Tensor:
        """float32 of the same shape."""
        shape = (1, len(self.mean), 1, 1)
        scale = torch.tensor([1 / (255 * s) for s in self.std], device=images.device).view(shape)
        shift = torch.tensor([-m / s for m, s in zip(self.mean, self.std, strict=True)], device=images.device)
        return images.float() * scale + shift.view(shape)


class Batches:
    """The training batches of one run.

    Args:
        pictures: on the device they are used on.
        labels: what the learner may know, ``UNLABELLED`` elsewhere.
        candidates: indices that are drawn from; each epoch passes over them as often as its steps need.
        steps: batches an epoch.
        seed: of order and augmentation; equal seeds give equal batches in any run.
        sampler: batches of so many classes with so many labelled pictures of each, instead of all pictures alike.

    Raises:
        ValueError: fewer classes than ``sampler`` asks for, or a batch size that is not what it makes.
    """

    def __init__(
        self,
        pictures: Pictures,
        labels: Tensor,
        candidates: Tensor,
        *,
        steps: int,
        batch_size: int,
        seed: int,
        augment: Augment,
        normalise: Normalise,
        sampler: Balanced | None = None,
    ) -> None:
        self.images, self.labels = pictures.images, labels
        self.candidates, self.steps, self.batch_size = candidates, steps, batch_size
        self.seed, self.augment, self.normalise = seed, augment, normalise
        self.by_class = None if sampler is None else ClassOrder(labels, candidates, sampler, seed)
        if sampler is not None and batch_size != sampler.classes * sampler.per_class:
            made = f"{sampler.classes} classes times {sampler.per_class}"
            raise ValueError(f"batch_size must be what the sampler makes, {made} (got {batch_size})")

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """The batches of ``epoch`` from ``first_step`` on."""
        order, changes = self._draw(epoch)
        for step in range(first_step, self.steps):
            part = slice(step * self.batch_size, (step + 1) * self.batch_size)
            yield self._batch(order[part], changes[part])

    def _draw(self, epoch: int) -> tuple[Tensor, Tensor]:
        """Indices of the whole epoch, and for each its shift down, shift right and mirroring."""
        needed = self.steps * self.batch_size
        if self.by_class is not None:
            # By place in the epoch, not by picture: those of a small class come often, and not always alike.
            return self.by_class.epoch(epoch, self.steps), self._changes(epoch, 0, needed)
        passes = -(-needed // len(self.candidates))
        orders, changes = [], []
        for turn in range(passes):
            stream = generator(self.seed, "order", epoch, turn)
            orders.append(self.candidates[torch.randperm(len(self.candidates), generator=stream)])
            changes.append(self._changes(epoch, turn, len(self.labels))[orders[-1]])
        return torch.cat(orders)[:needed], torch.cat(changes)[:needed]

    def _changes(self, epoch: int, turn: int, count: int) -> Tensor:
        stream, shift = generator(self.seed, "augment", epoch, turn), self.augment.shift
        shifts = torch.randint(-shift, shift + 1, (count, 2), generator=stream)
        flips = torch.randint(0, 2, (count, 1), generator=stream) * int(bool(self.augment.flip))
        return torch.cat([shifts, flips], dim=1)

    def _batch(self, index: Tensor, changes: Tensor) -> Batch:
        place = index.to(self.images.device)
        images = self.images[place]
        if self.augment.shift:
            images = shifted(images, changes[:, :2].to(images.device), self.augment.shift)
        if self.augment.flip:
            mirrored = changes[:, 2].to(images.device).bool()
            images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        return Batch(self.normalise(images), self.labels[place], index)


def shifted(images: Tensor, shifts: Tensor, most: int) -> Tensor:
    """Each picture moved by its own (down, right) of at most ``most`` pixels, black coming in at the edges."""
    count, channels, height, width = images.shape
    padded = F.pad(images, (most, most, most, most))
    rows = (torch.arange(height, device=images.device) + most - shifts[:, :1]).view(count, 1, height, 1)
    columns = (torch.arange(width, device=images.device) + most - shifts[:, 1:]).view(count, 1, 1, width)
    pictures = torch.arange(count, device=images.device).view(count, 1, 1, 1)
    channel = torch.arange(channels, device=images.device).view(1, channels, 1, 1)
    return padded[pictures, channel, rows, columns]
