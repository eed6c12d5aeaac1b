"""Which numerics pay? Precision and memory format, measured once with the job's own step before it is trained."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import torch

from kdcore.spec.training import Training
from kdcore.train.compiling import NotCompiled, missing, told
from kdcore.train.machine import Machine
from kdcore.train.parts import random_streams, set_random_streams

GAIN = 0.9
"""Other numerics than plain float32 are taken only where they save a tenth of the step's time."""

MOST_DEVIATION = 0.05
"""Largest relative difference of a step's loss from that in float32."""

ROUNDS = 5
SECONDS = 10.0
"""What the measuring may take; slow steps are measured in fewer rounds."""

GLANCE_SECONDS = 1.0
"""What finding out may take whether measuring is worth it at all."""

WORTH_SECONDS = 60.0
"""Shorter jobs are not measured: what could be saved is less than what it costs to find out."""

WORTH_COMPILING_SECONDS = 600.0
"""Jobs whose steps take less together are not compiled: the compiler alone takes one or two minutes on a CPU."""

HOPELESS = 3.0
"""A way whose first step takes so many times that of plain float32 is not measured any further."""

MakeStep = Callable[[Machine], tuple[Callable[[], float], Callable[[], None]]]
"""For a machine: a step that gives its loss, and what closes it."""


def candidates(machine: Machine, training: Training) -> list[Machine]:
    """Every way that the spec leaves open, plain float32 first."""
    precisions = ("float32", "bfloat16") if training.precision == "auto" else (training.precision,)
    formats = ("contiguous", "channels_last") if training.memory_format == "auto" else (training.memory_format,)
    return [replace(machine, precision=p, memory_format=f) for p, f in product(precisions, formats)]


def choose(
    machine: Machine, training: Training, make_step: MakeStep, steps: int
) -> tuple[Machine, list[dict[str, Any]]]:
    """The numerics whose step takes the least time, and what was measured; nothing for a job of few ``steps``.

    Steps are timed in interleaved rounds. Each candidate starts from equal weights; one whose first loss is not that of
    plain float32 within ``MOST_DEVIATION`` is out.
    """
    found = candidates(machine, training)
    if len(found) == 1 or steps * _seconds(found[0], make_step) < WORTH_SECONDS:
        return found[0], []
    opened = [make_step(one) for one in found]
    try:
        losses, times = _timed([step for step, _ in opened])
    finally:
        for _, close in opened:
            close()
    rows = list(_rows(found, losses, times))
    sound = [i for i, row in enumerate(rows) if row["deviation"] <= MOST_DEVIATION]
    best = min(sound, key=lambda i: rows[i]["ms"], default=0)
    return found[best if rows[best]["ms"] < GAIN * rows[0]["ms"] else 0], rows


def whether_compiled(machine: Machine, asked: str, make_step: MakeStep, steps: int) -> tuple[Machine, str]:
    """The machine with or without compiled networks, and why.

    Args:
        asked: ``on``, ``off`` or ``auto``, which compiles where the measured saving over ``steps`` repays the compiler
            and a step gets a tenth faster.

    Raises:
        NotCompiled: the compiler fails, or what it makes gives another loss, and ``on`` was asked for.
    """
    if asked == "off":
        return machine, "off, as asked"
    if asked == "on":
        return replace(machine, compiled=True), f"on, as asked: {_compared(machine, make_step).words}"
    plain = _seconds(machine, make_step)
    if steps * plain < WORTH_COMPILING_SECONDS:
        return machine, f"off: {steps * plain:.0f} s of training would not repay the compiler"
    lacking = missing(machine.device)
    if lacking is not None:
        return machine, f"off: this machine lacks {lacking}"
    try:
        found = _compared(machine, make_step)
    except NotCompiled as error:
        return machine, f"off: {error.message}"
    pays = found.quick < GAIN * found.plain and steps * (found.plain - found.quick) > found.took
    return (replace(machine, compiled=True), f"on: {found.words}") if pays else (machine, f"off: {found.words}")


@dataclass(frozen=True)
class Compared:
    """Seconds of a plain step, of a compiled one, and of the compiler."""

    plain: float
    quick: float
    took: float

    @property
    def words(self) -> str:
        """For ``resolved.json``."""
        return f"{1e3 * self.plain:.1f} ms a step, compiled {1e3 * self.quick:.1f} ms, {self.took:.0f} s to compile"


def _compared(machine: Machine, make_step: MakeStep) -> Compared:
    """Plain and compiled steps in turn, both from equal weights and with equal random draws in the first.

    Raises:
        NotCompiled: the compiler fails, or the first losses differ by more than ``MOST_DEVIATION``.
    """
    opened = [make_step(replace(machine, compiled=one)) for one in (False, True)]
    try:
        with told():
            streams = random_streams()
            loss, _ = _taken(opened[0][0])
            set_random_streams(streams)
            other, took = _taken(opened[1][0])
            times = [[_taken(step)[1] for step, _ in opened] for _ in range(ROUNDS)]
    finally:
        for _, close in opened:
            close()
    if not abs(other - loss) <= MOST_DEVIATION * abs(loss):
        raise NotCompiled.of(RuntimeError(f"a step's loss is {other:g} instead of {loss:g}"))
    plain, quick = (statistics.median(column) for column in zip(*times, strict=True))
    return Compared(plain, quick, took)


def _seconds(machine: Machine, make_step: MakeStep) -> float:
    """The time of a step: the least of a few behind the first, which sets things up."""
    step, close = make_step(machine)
    try:
        step()
        times = [_taken(step)[1]]
        while len(times) < ROUNDS and sum(times) < GLANCE_SECONDS:
            times.append(_taken(step)[1])
        return min(times)
    finally:
        close()


def _timed(steps: list[Callable[[], float]]) -> tuple[list[float], list[list[float]]]:
    """First losses, and the seconds of each further step; one that is hopelessly slow takes none."""
    first = [_taken(step) for step in steps]
    losses, seconds = [loss for loss, _ in first], [taken for _, taken in first]
    hopeful = [place for place, taken in enumerate(seconds) if taken <= HOPELESS * seconds[0]]
    rounds = max(2, min(ROUNDS, int(SECONDS / max(sum(seconds[place] for place in hopeful), 1e-9))))
    times: list[list[float]] = [[taken] if place not in hopeful else [] for place, taken in enumerate(seconds)]
    for _ in range(rounds):
        for place in hopeful:
            times[place].append(_taken(steps[place])[1])
    return losses, times


def _taken(step: Callable[[], float]) -> tuple[float, float]:
    """What a step gives, and its seconds."""
    start = time.perf_counter()
    return step(), time.perf_counter() - start


def _rows(found: list[Machine], losses: list[float], times: list[list[float]]) -> Iterator[dict[str, Any]]:
    scale = max(abs(losses[0]), 1e-12)
    for machine, loss, taken in zip(found, losses, times, strict=True):
        deviation = abs(loss - losses[0]) / scale
        yield {
            "precision": machine.precision,
            "memory_format": machine.memory_format,
            "ms": round(1e3 * statistics.median(taken), 3),
            "deviation": round(deviation, 6) if torch.tensor(deviation).isfinite() else 1e9,
        }
