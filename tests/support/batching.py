"""Batches of made-up pictures."""

import torch

from kdcore.data import Examples
from kdcore.data.batches import Batches, Normalise
from kdcore.spec.training import Augment


def noise(count=40, shape=(3, 8, 8), seed=0):
    """Pictures of random pixels."""
    return torch.randint(0, 256, (count, *shape), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def batches(
    images=None, labels=None, *, steps=4, size=10, seed=0, candidates=None, sampler=None, shelf=None, **augment
):
    """Batches of ``images``, by default random ones whose label is their place; keywords are ``augment``'s."""
    images = noise() if images is None else images
    labels = torch.arange(len(images)) if labels is None else labels
    channels = images.shape[1]
    return Batches(
        Examples(images, labels) if shelf is None else shelf,
        labels,
        torch.arange(len(images)) if candidates is None else candidates,
        steps=steps,
        batch_size=size,
        seed=seed,
        augment=Augment(**augment),
        normalise=Normalise((0.5,) * channels, (0.25,) * channels),
        sampler=sampler,
    )


def by_place(made, epoch=0, first=0):
    """The pictures of an epoch by their place, in the order in which they were shown."""
    found = {}
    for batch in made.epoch(epoch, first):
        for place, image in zip(batch.index.tolist(), batch.inputs, strict=True):
            found.setdefault(place, []).append(image)
    return found
