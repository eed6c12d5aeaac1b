"""How many CPU threads pay? Measured once with the job's own step, because small networks on busy machines want one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

ROUNDS = 5
GAIN = 0.95
"""More threads are taken only where they save five per cent or more."""


def candidates(most: int) -> list[int]:
    """1, 2, 4 ... up to ``most``."""
    doubled = [1 << power for power in range(most.bit_length()) if 1 << power < most]
    return [*doubled, most]


def fastest(step: Callable[[], object], most: int) -> int:
    """The number of threads up to ``most`` with which ``step`` takes the least time, by interleaved rounds."""
    before = torch.get_num_threads()
    times: dict[int, list[float]] = {count: [] for count in candidates(most)}
    try:
        for _ in range(ROUNDS + 1):
            for count, taken in times.items():
                torch.set_num_threads(count)
                began = time.perf_counter()
                step()
                taken.append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(before)
    best, least = 1, statistics.median(times[1][1:])
    for count in list(times)[1:]:
        median = statistics.median(times[count][1:])
        if median < GAIN * least:
            best, least = count, median
    return best
