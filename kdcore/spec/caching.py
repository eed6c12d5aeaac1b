"""Keeping what a frozen network says: whether it pays, where it fits, and what it changes. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from pydantic import Field

from kdcore.spec.base import Strict, Switch

LOGITS = "logits"
MEGABYTE = 2**20
ITEM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
DIGITS = {"float16": "2^-11", "bfloat16": "2^-8"}
"""Largest relative error of rounding to a type."""

Shape = tuple[int, ...]


class TeacherCache(Strict):
    """Outputs of frozen networks, computed once for inputs that repeat, and looked up in every further epoch.

    Inputs repeat without augmentation, or with ``training.augment.views``.

    Attributes:
        mode: ``auto`` keeps them where inputs repeat, it saves forward passes, and the budget allows; ``on`` refuses a
            job in which that is not so; ``off`` asks the network in every step.
        dtype: how numbers are kept; ``auto`` as the network says them, without loss.
        top_k: of the logits, only so many largest are kept, with the mass of the others in one number; good at
            temperature 1, far off at higher ones.
        memory_mb: memory (of the GPU where one is used) that they may take; more goes to a memory-mapped file.
        disk_mb: disk space that the folder of kept outputs may take; with 0 nothing is kept for a resumed run or
            another job.
    """

    mode: Switch = "auto"
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    top_k: int | None = Field(default=None, ge=1, le=65_536)
    memory_mb: int = Field(default=1024, ge=0)
    disk_mb: int = Field(default=8192, ge=0)


class Reading(Strict):
    """What one stage of one run reads of one network.

    Attributes:
        points: with their shapes (without the batch), None where only the engine can know.
        live: why the network must be asked each time, where it must.
    """

    network: str
    run: str
    stage: str
    epochs: int
    points: dict[str, Shape | None]
    live: str | None = None


class CachePlan(Strict):
    """What is decided for one network.

    Attributes:
        mode: ``off``; ``memory``; ``file``, memory-mapped; ``later``, when the network is built and its shapes known.
        reason: a sentence.
        points: what is kept, with shapes (without the batch).
        stages: which stages are answered from it, as ``run/stage``.
        samples, views: rows are pairs of a picture and one of its views.
        bytes: of all rows.
        on_disk: whether a copy lies on disk, for a resumed run and other jobs.
        effect: what it changes for the student, a sentence.
    """

    network: str
    mode: Literal["off", "memory", "file", "later"]
    reason: str
    points: dict[str, Shape] = {}
    stages: tuple[str, ...] = ()
    samples: int = 0
    views: int = 0
    bytes: int = 0
    on_disk: bool = False
    dtype: str = "auto"
    top_k: int | None = None
    effect: str = "none"


class CacheRefused(ValueError):
    """``mode: on`` for a job in which nothing can be kept; says why and what to do."""


def row_bytes(points: dict[str, Shape], asked: TeacherCache, item: int = 4) -> int:
    """Bytes of one row; ``item`` is the size of a number as the network says it."""
    each = ITEM_BYTES.get(asked.dtype, item)
    return sum(_point_bytes(name, shape, asked.top_k, each) for name, shape in points.items())


def _point_bytes(name: str, shape: Shape, top_k: int | None, item: int) -> int:
    if name != LOGITS or top_k is None or top_k >= shape[-1]:
        return prod(shape) * item
    index = 2 if shape[-1] <= 2**15 else 4
    return prod(shape[:-1]) * (top_k * (item + index) + 4)


def cache_plan(
    asked: TeacherCache,
    readings: Sequence[Reading],
    *,
    samples: int,
    versions: int | None,
    bypass: str | None = None,
    item: int = 4,
) -> tuple[CachePlan, ...]:
    """The decision for every network that is listened to by runs with the same views of the same pictures.

    Networks share the budgets, in the order in which they are first read. A network whose points do not all fit is
    kept for the stages whose points do.

    Args:
        samples: training pictures.
        versions: of each picture; None when every epoch draws new ones.
        bypass: why inputs never repeat, where they do not.
        item: bytes of a number as the networks say it, for ``dtype: auto``.

    Raises:
        CacheRefused: ``mode: on``, and a frozen network cannot be kept.
    """
    if versions is None and bypass is None:
        bypass = "every epoch draws new changes of the pictures; with training.augment.views they repeat"
    left = Budget(asked.memory_mb * MEGABYTE, asked.disk_mb * MEGABYTE)
    decisions = []
    for network in dict.fromkeys(reading.network for reading in readings):
        own = [reading for reading in readings if reading.network == network]
        case = _Case(asked, network, own, samples, versions or 1, bypass, item)
        found = case.decide(left)
        left = left.without(found)
        decisions.append(found)
    return tuple(decisions)


@dataclass(frozen=True)
class Budget:
    """Bytes that may still be taken."""

    memory: int
    disk: int

    def place(self, size: int) -> Literal["memory", "file"] | None:
        """Where ``size`` bytes fit."""
        if size <= self.memory:
            return "memory"
        return "file" if size <= self.disk else None

    def without(self, plan: CachePlan) -> Budget:
        """What is left beside a decision."""
        memory = plan.bytes if plan.mode == "memory" else 0
        return Budget(self.memory - memory, self.disk - (plan.bytes if plan.on_disk else 0))


@dataclass(frozen=True)
class _Case:
    """One network to decide about."""

    asked: TeacherCache
    network: str
    readings: list[Reading]
    samples: int
    versions: int
    bypass: str | None
    item: int

    def decide(self, left: Budget) -> CachePlan:
        frozen = [reading for reading in self.readings if reading.live is None]
        if self.asked.mode == "off":
            return self._off("training.cache.mode is off")
        if not frozen:
            return self._off(str(self.readings[0].live))
        if self.bypass is not None:
            return self._refuse(self.bypass)
        unknown = [point for reading in frozen for point, shape in reading.points.items() if shape is None]
        if unknown:
            reason = f"the shape of {unknown[0]} is known when the network is built; decided then"
            return CachePlan(network=self.network, mode="later", reason=reason)
        return self._fitted(frozen, left)

    def _fitted(self, frozen: list[Reading], left: Budget) -> CachePlan:
        for kept in _fewer(frozen):
            size = self._bytes(_points(kept))
            if left.place(size) is not None:
                break
        else:
            need, most = self._bytes(_points(frozen[:1])), max(left.memory, left.disk)
            where = "raise training.cache.memory_mb or disk_mb, or take fewer views, float16, or top_k"
            return self._refuse(f"{size_of(need)} would be needed and {size_of(most)} are left of the budget; {where}")
        epochs = sum(reading.epochs for reading in kept)
        if self.asked.mode == "auto" and epochs <= self.versions:
            versions = "picture" if self.versions == 1 else f"picture in {self.versions} views"
            return self._off(f"{epochs} epochs do not repay a pass over every {versions}")
        return self._kept(kept, frozen, size, epochs, left)

    def _kept(self, kept: list[Reading], frozen: list[Reading], size: int, epochs: int, left: Budget) -> CachePlan:
        mode = left.place(size)
        assert mode is not None
        live = [f"{one.run}/{one.stage}" for one in frozen if one not in kept]
        rest = f"; {', '.join(live)} would not fit into the budget and asks each time" if live else ""
        passes = f"{epochs} epochs are answered by {self.versions} {'pass' if self.versions == 1 else 'passes'}"
        return CachePlan(
            network=self.network,
            mode=mode,
            reason=f"{passes} over the {self.samples:,} pictures, {size_of(size)} in {_PLACES[mode]}{rest}",
            points=_points(kept),
            stages=tuple(f"{one.run}/{one.stage}" for one in kept),
            samples=self.samples,
            views=self.versions,
            bytes=size,
            on_disk=size <= left.disk,
            dtype=self.asked.dtype,
            top_k=self.asked.top_k,
            effect=" ".join(self._effects(_points(kept))),
        )

    def _effects(self, points: dict[str, Shape]) -> Iterator[str]:
        if self.versions == 1:
            yield "Every epoch shows the same pictures, as without keeping."
        else:
            yield (
                f"Every picture is shown in {self.versions} fixed versions instead of a new one each epoch, "
                "to the student alone as well."
            )
        if self.asked.dtype in DIGITS:
            yield f"Outputs are rounded to {self.asked.dtype}, by at most {DIGITS[self.asked.dtype]} of their size."
        if self.asked.top_k is not None and LOGITS in points and self.asked.top_k < points[LOGITS][-1]:
            yield (
                f"Of the logits the {self.asked.top_k} largest are kept and the others share their mass evenly: exact "
                "probabilities at temperature 1, much flatter ones at higher temperatures."
            )

    def _bytes(self, points: dict[str, Shape]) -> int:
        return self.samples * self.versions * row_bytes(points, self.asked, self.item)

    def _off(self, reason: str) -> CachePlan:
        return CachePlan(network=self.network, mode="off", reason=reason)

    def _refuse(self, reason: str) -> CachePlan:
        if self.asked.mode == "on":
            raise CacheRefused(f"outputs of {self.network!r} cannot be kept: {reason}")
        return self._off(reason)


_PLACES = {"memory": "memory", "file": "a memory-mapped file"}


def _points(readings: Sequence[Reading]) -> dict[str, Shape]:
    """Every point once, those of the first reading first."""
    return {name: shape for reading in readings for name, shape in reading.points.items() if shape is not None}


def _fewer(readings: list[Reading]) -> Iterator[list[Reading]]:
    """All readings, then without those of the largest point, and so on while some are left."""
    while readings:
        yield readings
        points = _points(readings)
        largest = max(points, key=lambda name: prod(points[name]))
        readings = [reading for reading in readings if largest not in reading.points]


def size_of(count: int) -> str:
    """Bytes in words, in units of 1024."""
    unit, name = next(((2**power, name) for power, name in _UNITS if count >= 2**power), (1, "bytes"))
    return f"{count / unit:.1f} {name}" if unit > 1 else f"{count} bytes"


_UNITS = ((30, "GiB"), (20, "MiB"), (10, "KiB"))
