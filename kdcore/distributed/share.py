"""Which part of every batch is this process's: all draw the same batches, each works on its own share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kdcore.data.batches import Batch
from kdcore.data.mixing import Mixed
from kdcore.errors import EngineError


@dataclass(frozen=True)
class Share:
    """One process's pictures of a batch.

    The micro-batches of a batch are shared out one by one, so that the first micro-batches of all processes, one after
    the other, are the first micro-batch of one process with the whole batch, and so on.

    Attributes:
        rank, size: which process of how many.
        accumulate: micro-batches of a batch.
    """

    rank: int
    size: int
    accumulate: int = 1

    def fits(self, batch_size: int) -> None:
        """Whether every process gets equally many pictures of every micro-batch.

        Raises:
            EngineError: ``invalid_data``.
        """
        parts = self.size * self.accumulate
        if batch_size % parts:
            micro = "" if self.accumulate == 1 else f" and {self.accumulate} micro-batches"
            message = (
                f"{batch_size} pictures (/training/batch_size) cannot be shared equally by {self.size} processes"
                f"{micro}: take a batch_size that {parts} divides, or another number of processes"
            )
            raise EngineError("invalid_data", message, "/resources/processes")

    def places(self, batch_size: int) -> Tensor:
        """Of this process's pictures in a batch, micro-batch after micro-batch: int64 [batch_size / size]."""
        self.fits(batch_size)
        return torch.arange(batch_size).view(self.accumulate, self.size, -1)[:, self.rank].flatten()

    def of(self, batch: Batch) -> Batch:
        """This process's part of a whole batch."""
        if self.size == 1:
            return batch
        index = self.places(len(batch.index))
        on_device = index.to(batch.targets.device)
        mixed = None if batch.mixed is None else Mixed(batch.mixed.labels[on_device], batch.mixed.share[on_device])
        return Batch(batch.inputs[on_device], batch.targets[on_device], batch.index[index], batch.view[index], mixed)
