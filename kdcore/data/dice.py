"""Random numbers that are counted, not drawn: each is a function of a seed and of what it is for, alone.

A picture's numbers follow from (seed, epoch, place) and do not depend on which batch it is in, on what was drawn
before, or on the device. The counters are folded by SplitMix64's finaliser (Steele, Lea, Flood 2014, "Fast splittable
pseudorandom number generators"), in 64-bit integers that wrap, so the bits are the same on every machine.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from kdcore.seeds import derive

BITS = 24
"""Of a number: what a float32 holds exactly."""

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def keys(seed: int, *counters: int | Tensor) -> Tensor:
    """One key for each entry of the counters (int64 [B], or a number for all): [B].

    Different counters give unrelated keys, and so do the same counters in another order.
    """
    state: Tensor = torch.tensor([_signed(seed)])
    for counter in counters:
        state = _mixed(state + (torch.as_tensor(counter) + 1) * _signed(_GOLDEN))
    return state


def bits(keys: Tensor, purpose: str, draws: int = 1) -> Tensor:
    """``draws`` whole numbers of each key, each one of ``2^24``: int64 [B, draws]; purposes are independent."""
    return _right(_mixed(keys[:, None] + _offsets(purpose, draws)), 64 - BITS)


def whole(keys: Tensor, purpose: str, below: int, draws: int = 1) -> Tensor:
    """Whole numbers from 0 to ``below - 1``: int64 [B, draws]."""
    return bits(keys, purpose, draws) * below >> BITS


def fractions(keys: Tensor, purpose: str, draws: int = 1) -> Tensor:
    """Numbers from 0 to 1, 1 not included: float32 [B, draws]."""
    return bits(keys, purpose, draws).float() * 2.0**-BITS


def _mixed(state: Tensor) -> Tensor:
    state = (state ^ _right(state, 30)) * _signed(_FIRST)
    state = (state ^ _right(state, 27)) * _signed(_SECOND)
    return state ^ _right(state, 31)


def _right(state: Tensor, by: int) -> Tensor:
    """Shifted with zeros coming in; torch's shift brings in the sign."""
    return state >> by & ((1 << (64 - by)) - 1)


@lru_cache(maxsize=256)
def _offsets(purpose: str, draws: int) -> Tensor:
    start = derive(0, "dice", purpose)
    return torch.tensor([_signed((start + draw * _GOLDEN) % 2**64) for draw in range(draws)])


def _signed(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63
