"""Random streams that do not disturb each other: each purpose has its own generator, derived from the seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive(seed: int, *purpose: str | int) -> int:
    """A seed for one purpose; any change of the purpose gives an unrelated stream."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU generator for one purpose."""
    return torch.Generator().manual_seed(derive(seed, *purpose))


@contextmanager
def seeded(seed: int, *purpose: str | int) -> Iterator[None]:
    """Torch's global streams set for one purpose, and put back afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(derive(seed, *purpose))
        yield
