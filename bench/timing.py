"""What the benchmarks share: contenders in turns, ratios with intervals, aims, and what machine it was.

Not a command. A ratio is the median over rounds of reference / contender, both of the same round; the interval is a
bootstrap of that median over rounds, and the quartiles are those of the rounds' ratios.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

Step = Callable[[int], object]
"""Takes the number of the round, by which it finds its batch."""

Times = dict[str, list[float]]
"""Seconds by contender, round by round."""

DRAWS = 10_000
VARIABLES = ("OMP_WAIT_POLICY", "OMP_NUM_THREADS", "CUBLAS_WORKSPACE_CONFIG")
PACKAGES = ("torch", "torchvision", "torchdistill", "numpy", "POT", "distillery")
SLOW = 0.5
"""Seconds of one matrix product after which it is not repeated often."""
FAST_BFLOAT = ("avx512_bf16", "amx_bf16")


def seconds(call: Callable[[], object], device: str) -> float:
    """Of one call, the device's work included."""
    if device == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def in_turns(contenders: Mapping[str, Step], rounds: int, device: str, *, warmup: int = 3, seed: int = 0) -> Times:
    """Seconds of each contender in ``rounds`` rounds, each in another random order; the first rounds do not count."""
    times: Times = {name: [] for name in contenders}
    order = random.Random(seed)
    for number in range(warmup + rounds):
        for name in order.sample(list(contenders), len(contenders)):
            taken = seconds(partial(contenders[name], number), device)
            if number >= warmup:
                times[name].append(taken)
    return times


@dataclass(frozen=True)
class Ratio:
    """Reference / contender: its median over rounds, the bootstrap's 95 % interval, and the rounds' quartiles."""

    median: float
    low: float
    high: float
    quartiles: tuple[float, float]

    def __str__(self) -> str:
        return f"{self.median:.3f} ({self.low:.3f} to {self.high:.3f})"


def ratio(reference: Sequence[float], contender: Sequence[float]) -> Ratio:
    """Of the rounds' seconds."""
    found = np.asarray(reference) / np.asarray(contender)
    draws = np.random.default_rng(0).integers(0, len(found), (DRAWS, len(found)))
    low, high = np.percentile(np.median(found[draws], axis=1), [2.5, 97.5])
    first, third = np.percentile(found, [25, 75])
    return Ratio(float(np.median(found)), float(low), float(high), (float(first), float(third)))


@dataclass(frozen=True)
class Aim:
    """A number that was promised, beside the one that was found.

    Attributes:
        sense: whether the found one should be ``at least`` or ``at most`` the aim.
        low, high: 95 % interval of what was found, where there is one.
    """

    what: str
    found: float
    sense: Literal["at least", "at most"]
    aim: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, what: str, found: Ratio, sense: Literal["at least", "at most"], aim: float) -> Aim:
        """Of a ratio with its interval."""
        return cls(what, found.median, sense, aim, found.low, found.high)

    @property
    def met(self) -> bool:
        """Whether the median is on the right side."""
        return self.found >= self.aim if self.sense == "at least" else self.found <= self.aim

    def row(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "met": self.met}

    def __str__(self) -> str:
        between = "" if self.low is None else f" ({self.low:.3f} to {self.high:.3f})"
        verdict = "met" if self.met else "NOT met"
        return f"{verdict:>7}  {self.what}: {self.found:.3f}{between}, aim {self.sense} {self.aim:g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, in columns that also read well as they are."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in (head, *rows)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def facts(device: str) -> dict[str, Any]:
    """The machine, the versions, the command and the date."""
    model, flags = _processor()
    found: dict[str, Any] = {
        "processor": model,
        "logical processors": torch.multiprocessing.cpu_count(),
        "flags": [flag for flag in flags if flag.startswith(("avx512", "amx", "avx2"))],
        "fast bfloat16 on the processor": any(flag in flags for flag in FAST_BFLOAT),
        "threads": torch.get_num_threads(),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
        "command": " ".join(["python", *sys.argv]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    return {**found, "gpu": torch.cuda.get_device_name()} if device == "cuda" else found


def _processor() -> tuple[str, list[str]]:
    """Model and flags, as the kernel tells them."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor() or platform.machine(), []
    lines = [line.partition(":") for line in info.read_text().splitlines()]
    told = {name.strip(): value.strip() for name, _, value in reversed(lines)}
    return told.get("model name", platform.machine()), told.get("flags", told.get("Features", "")).split()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def matrix_rate(device: str) -> dict[str, float]:
    """Measured floating-point operations a second of square matrix products, by number type."""
    size, found = (8192 if device == "cuda" else 1536), {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        product = partial(torch.matmul, a, b)
        first = seconds(product, device)  # sets things up, and says whether the product is slow here
        repeats = 8 if first < SLOW else 2
        fastest = min(seconds(product, device) for _ in range(repeats))
        found[str(dtype).removeprefix("torch.")] = 2 * size**3 / fastest
    return found
