"""Examples in memory: one tensor of inputs, one tensor of targets, whatever the task."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Examples:
    """Inputs and what is asked about them.

    Attributes:
        inputs: [N, ...]: pictures uint8 [N, C, H, W]; series float32 [N, C, L]; tables float32 [N, F]; token ids
            int32 or int64 [N, L].
        targets: [N, ...]: classes int64 [N]; labels or values float32 [N, K]; masks int64 [N, H, W]; boxes float32
            [N, M, 5]; next tokens int64 [N, T].
        origin: int64 [N], each example's place in the dataset as it came: official train split first, then validation,
            then test. What is kept about examples elsewhere (names, stored outputs) is looked up by it.
    """

    inputs: Tensor
    targets: Tensor
    origin: Tensor = None  # type: ignore[assignment]  # always set below

    def __post_init__(self) -> None:
        if self.origin is None:
            object.__setattr__(self, "origin", torch.arange(len(self.targets)))

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def device(self) -> torch.device:
        """Where the inputs are."""
        return self.inputs.device

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input."""
        return tuple(self.inputs.shape[1:])

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        """One input and its target."""
        return self.inputs[place], self.targets[place]

    def rows(self, index: Tensor) -> Tensor:
        """The inputs at ``index``, int64 [B] on the CPU."""
        return self.inputs.index_select(0, index.to(self.device, non_blocking=True))

    def read(self, parts: Iterable[Tensor]) -> Iterator[Tensor]:
        """The inputs of each of ``parts``."""
        return map(self.rows, parts)

    def take(self, index: Tensor) -> Examples:
        """The examples at ``index``."""
        return Examples(self.inputs[index], self.targets[index], self.origin[index])

    def on(self, device: str) -> Examples:
        """The same on a device; origins stay on the CPU."""
        return Examples(self.inputs.to(device), self.targets.to(device), self.origin)

    def sha256(self) -> str:
        """Digest of shapes, inputs and targets."""
        digest = hashlib.sha256(repr(tuple(self.inputs.shape)).encode())
        digest.update(self.inputs.contiguous().numpy().tobytes())
        digest.update(self.targets.contiguous().numpy().tobytes())
        return digest.hexdigest()
