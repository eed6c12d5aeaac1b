"""Batches of training examples: all that is random depends on seed, epoch and place, so a resumed run sees the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from kdcore.data import dice
from kdcore.data.augment import Changer
from kdcore.data.mixing import Mixed, Mixer
from kdcore.data.normalise import Normalise
from kdcore.data.sampler import occurrences, order_of
from kdcore.seeds import derive
from kdcore.spec.training import Augment, Sampler

STRETCH = {"cpu": 2**19, "cuda": 2**24}
"""Bytes of raw pictures that are changed at once: what a CPU's cache holds, and what keeps a GPU busy."""

RECIPE = 1
"""Number of the rules by which pictures are changed; another one whenever equal options give other pixels."""


@dataclass(frozen=True)
class Batch:
    """One step's examples.

    Attributes:
        inputs: float32 [B, ...], normalised; token ids int64 [B, L].
        targets: [B, ...], see `kdcore.data.Examples`; where the learner may not know, what the task does not count:
            ``UNLABELLED`` for whole numbers, NaN for others.
        index: int64 [B] on the CPU, places in the training split.
        view: int64 [B] on the CPU, which seeded view of its picture each is; zeros, also when left out, where there
            are none.
        mixed: what was mixed into the pictures, where something was.
        compared: of texts that the learner wrote itself, bool [B, T], the tokens on which others are followed; where it
            is left out, targets say which tokens count.
    """

    inputs: Tensor
    targets: Tensor
    index: Tensor
    view: Tensor = None  # type: ignore[assignment]
    mixed: Mixed | None = None
    compared: Tensor | None = None

    def __post_init__(self) -> None:
        if self.view is None:
            object.__setattr__(self, "view", torch.zeros_like(self.index))

    def parts(self, count: int) -> list[Batch]:
        """``count`` equal parts."""
        size = len(self.index) // count
        return [self._part(slice(begin, begin + size)) for begin in range(0, size * count, size)]

    def _part(self, part: slice) -> Batch:
        mixed = None if self.mixed is None else Mixed(self.mixed.labels[part], self.mixed.share[part])
        compared = None if self.compared is None else self.compared[part]
        return Batch(self.inputs[part], self.targets[part], self.index[part], self.view[part], mixed, compared)


class Shelf(Protocol):
    """Where raw inputs come from: `Examples` in memory, or `Streamed` ones."""

    @property
    def device(self) -> torch.device:
        """Where the inputs are handed out."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input, such as (C, H, W)."""

    def read(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """For each of ``parts``, places int64 [B] on the CPU, its raw inputs [B, ...]."""


class Turn(Protocol):
    """What becomes of the targets of pictures that are mirrored: masks and boxes are mirrored with them."""

    def __call__(self, targets: Tensor, chosen: Tensor, width: int) -> Tensor:
        """Targets [B, ...] of pictures ``width`` pixels wide, of which ``chosen``, bool [B], are mirrored."""


class Batches:
    """The training batches of one run.

    Args:
        inputs: handed out on the device they are used on.
        targets: [N, ...] on that device, what the learner may know; see `Batch` for the others.
        candidates: places that are drawn from; each epoch passes over them as often as its steps need.
        steps: batches an epoch.
        seed: of order and augmentation; equal seeds give equal batches in any run.
        sampler: batches balanced by class, instead of all examples alike.
        turn: mirrors targets with their pictures; without it they stay as they are.

    Raises:
        ValueError: fewer classes than ``sampler`` asks for, or a batch size that is not what it makes.
    """

    def __init__(
        self,
        inputs: Shelf,
        targets: Tensor,
        candidates: Tensor,
        *,
        steps: int,
        batch_size: int,
        seed: int,
        augment: Augment,
        normalise: Normalise,
        sampler: Sampler | None = None,
        turn: Turn | None = None,
    ) -> None:
        self.shelf, self.targets, self.turn = inputs, targets, turn
        self.steps, self.batch_size, self.seed = steps, batch_size, seed
        self.augment, self.normalise = augment, normalise
        self.order = order_of(targets, candidates, batch_size, seed, sampler)
        self._changer = Changer(augment)
        self._mixer = Mixer(augment, targets.cpu() >= 0, seed) if augment.mixes else None

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """The batches of ``epoch`` from ``first_step`` on."""
        order = self.order.epoch(epoch, self.steps)
        turns, stretch = occurrences(order), self._stretch()
        starts = range(first_step, self.steps, stretch)
        pieces = [slice(s * self.batch_size, min(s + stretch, self.steps) * self.batch_size) for s in starts]
        read = self.shelf.read([order[piece] for piece in pieces])
        for start, piece, raw in zip(starts, pieces, read, strict=True):
            index = order[piece]
            views, keys = self._views(epoch, index, turns[piece])
            whole = Batch(*self._finished(raw, index, keys), index, views)
            for step, batch in enumerate(whole.parts(len(index) // self.batch_size), start):
                yield self._mixed(batch, epoch, step)

    def pictures(self, index: Tensor, view: Tensor) -> Tensor:
        """Pictures as they are in any epoch that shows them in that view: float32 [B, C, H, W], normalised.

        Args:
            index: int64 [B], places in the training split.
            view: int64 [B], from 0 to ``augment.versions - 1``.

        Raises:
            ValueError: the pictures do not repeat.
        """
        if self.augment.versions is None:
            raise ValueError("pictures that are drawn anew each epoch have no views: set training.augment.views")
        index, view = index.cpu(), view.cpu()
        (raw,) = self.shelf.read([index])
        return self._finished(raw, index, self._keys_of(index, view))[0]

    def recipe(self) -> dict[str, Any]:
        """What ``pictures`` depends on beside the raw pictures, JSON-ready."""
        return {
            "rules": RECIPE,
            "seed": self.seed if self.augment.changes else None,
            "augment": self.augment.model_dump(mode="json"),
            "mean": list(self.normalise.mean),
            "std": list(self.normalise.std),
        }

    def _views(self, epoch: int, index: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
        """Each shown picture's view, and the key that its changes are drawn from.

        Every view of a picture is shown once in as many epochs as there are views, in an order of the picture's own.
        """
        count = self.augment.views
        if count is None or not self.augment.changes:
            return torch.zeros_like(index), dice.keys(derive(self.seed, "augment"), epoch, turns, index)
        lots = dice.keys(derive(self.seed, "view"), epoch // count, turns, index)
        ranks = dice.bits(lots, "lot", count) * count + torch.arange(count)  # no two alike
        now = epoch % count
        views = (ranks < ranks[:, now : now + 1]).sum(1)
        return views, self._keys_of(index, views)

    def _keys_of(self, index: Tensor, view: Tensor) -> Tensor:
        return dice.keys(derive(self.seed, "replayed"), view, index)

    def _stretch(self) -> int:
        """Steps whose pictures are changed at once."""
        size = torch.Size(self.shelf.shape).numel()
        return max(1, STRETCH.get(self.targets.device.type, STRETCH["cpu"]) // (size * self.batch_size))

    def _finished(self, raw: Tensor, index: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs changed and normalised, and their targets."""
        images = self.normalise(self._changer.changed(raw, keys))
        targets = self.targets.index_select(0, index.to(self.targets.device, non_blocking=True))
        if self.turn is not None and self.augment.flip:
            targets = self.turn(targets, self._changer.mirrored(keys).to(targets.device), self.shelf.shape[-1])
        return self._changer.erased(images, keys), targets

    def _mixed(self, batch: Batch, epoch: int, step: int) -> Batch:
        if self._mixer is None:
            return batch
        inputs, mixed = self._mixer(batch.inputs, batch.targets, batch.index, epoch, step)
        return Batch(inputs, batch.targets, batch.index, batch.view, mixed)
