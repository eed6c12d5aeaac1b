"""How a frozen network is asked for what will be kept: at exactly the points, in the job's own numerics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from kdcore.objective.points import Capture, Features
from kdcore.train.machine import Machine

Speak = Callable[[Tensor], Features]
"""From network inputs [B, C, H, W] to what the network says at each point."""


@contextmanager
def speaking(network: nn.Module, points: Iterable[str], machine: Machine) -> Iterator[Speak]:
    """The network, asked as a stage asks it; its pass ends at the deepest point."""
    with Capture(network, points) as capture:

        def speak(images: Tensor) -> Features:
            with machine.autocast():
                return capture(machine.laid_out(images))

        yield speak


@torch.no_grad()
def spoken_by(speak: Speak, sample: Tensor) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Shape (without the batch) and type of what is said at each point."""
    return {point: (tuple(value.shape[1:]), value.dtype) for point, value in speak(sample).items()}
