"""Kept outputs of frozen networks in a job: decided once the networks are known, opened for each run, told of."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from kdcore.data.batches import Batches
from kdcore.distributed import Group
from kdcore.errors import EngineError, Stopped
from kdcore.objective.networks import fingerprint
from kdcore.spec.caching import MEGABYTE, CachePlan, CacheRefused, Shape, size_of
from kdcore.spec.listening import kept_networks, points_read
from kdcore.spec.plan import Plan, RunPlan
from kdcore.train.cache import Keep, Key, TeacherCache, kept, speaking, spoken_by
from kdcore.train.machine import Machine

SAY_EVERY = 10.0
"""Seconds between two words about outputs that are being computed."""


def decided(
    plan: Plan, networks: Mapping[str, nn.Module], sample: Tensor, machine: Machine
) -> list[list[dict[str, Any]]]:
    """The plan's decisions, made again with the shapes and number types that the networks have here; JSON-ready.

    Raises:
        EngineError: ``invalid_data`` for ``mode: on`` where nothing can be kept.
    """
    traced: dict[str, dict[str, Shape]] = {}
    item = 1
    for name, points in _listened(plan).items():
        with speaking(networks[name].eval(), points, machine) as speak:
            for point, (shape, dtype) in spoken_by(speak, sample).items():
                traced.setdefault(name, {})[point] = shape
                item = max(item, dtype.itemsize)
    try:
        groups = kept_networks(
            plan.spec.training.cache,
            plan.runs,
            samples=plan.dataset.counts.train,
            num_classes=plan.dataset.num_classes,
            paths=plan.paths,
            traced=traced,
            item=item,
            stored=[name for name, network in plan.networks.items() if network.stored],
        )
    except CacheRefused as error:
        raise EngineError("invalid_data", str(error), "/training/cache/mode") from None
    return [[one.model_dump(mode="json") for one in group] for group in groups]


def _listened(plan: Plan) -> dict[str, list[str]]:
    """The points of every network about which there is something to decide."""
    asked = {one.network for group in plan.kept for one in group if plan.spec.training.cache.mode != "off"}
    stored = {name for name, network in plan.networks.items() if network.stored}
    found: dict[str, list[str]] = {}
    for run in plan.runs:
        for stage in run.stages:
            for name, points in points_read(stage, plan.dataset.num_classes).items():
                if name in asked and name not in run.learners and name not in plan.paths and name not in stored:
                    found.setdefault(name, []).extend(points)
    return {name: list(dict.fromkeys(points)) for name, points in found.items()}


@dataclass
class Keeper:
    """Opens what a run's frozen networks say, and computes what is not there yet.

    Attributes:
        keep: where outputs lie.
        decisions: as pinned for the job.
        sha256: of the training pictures.
        say: takes a sentence for the log.
    """

    plan: Plan
    machine: Machine
    group: Group
    keep: Keep
    decisions: Sequence[Sequence[Mapping[str, Any]]]
    sha256: str
    say: Callable[[str], None]
    stop: Callable[[], str | None]
    findings: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def of(
        self, run: RunPlan, networks: Mapping[str, nn.Module], batches: Batches
    ) -> Iterator[dict[str, TeacherCache]]:
        """Kept outputs by network, for as long as the run lasts.

        Raises:
            Stopped: on request; what is done is kept.
            EngineError: ``disk_full``, ``invalid_data``.
        """
        opened: dict[str, TeacherCache] = {}
        try:
            for one in self._of_run(run):
                opened[one.network] = self._open(one, run, networks[one.network], batches)
            yield opened
        finally:
            for cache in opened.values():
                cache.close()

    def _of_run(self, run: RunPlan) -> list[CachePlan]:
        found = [CachePlan.model_validate(one) for group in self.decisions for one in group]
        return [one for one in found if _serves(one, run, self.plan.dataset.num_classes)]

    def _open(self, one: CachePlan, run: RunPlan, network: nn.Module, batches: Batches) -> TeacherCache:
        """The first process computes; the others wait, and read what it left where that is on disk."""
        began = time.monotonic()
        reason, cache = None, None
        if self.group.first or not one.on_disk:
            try:
                cache = self._kept(one, network, batches, self.stop if one.on_disk or self.group.size == 1 else _never)
            except Stopped as stopped:
                reason = stopped.reason
        reason = self.group.told(reason)
        if reason is not None:
            raise Stopped(reason)
        cache = cache or self._kept(one, network, batches, _never)
        self._tell(cache, one, run, time.monotonic() - began)
        return cache

    def _kept(
        self, one: CachePlan, network: nn.Module, batches: Batches, stop: Callable[[], str | None]
    ) -> TeacherCache:
        plan = self.plan
        key = Key(
            project=self.keep.project,
            network=plan.networks[one.network].model_dump(mode="json"),
            weights=fingerprint(network),
            inputs={"sha256": self.sha256, "shape": list(plan.dataset.input_shape)},
            recipe=batches.recipe(),
            numerics=self.machine.pinned(),
        )
        return kept(
            one,
            network,
            key,
            batches.pictures,
            self.machine,
            folder=self.keep.folder,
            disk=plan.spec.training.cache.disk_mb * MEGABYTE,
            progress=self._progress(one.network),
            stop=stop,
            waiting=lambda: self.say(f"waiting: another job computes the same outputs of {one.network}"),
        )

    def _progress(self, network: str) -> Callable[[int, int], None]:
        last = time.monotonic()

        def progress(done: int, of: int) -> None:
            nonlocal last
            if time.monotonic() - last > SAY_EVERY:
                last = time.monotonic()
                self.say(f"keeping what {network} says: {done:,} of {of:,} pictures and views")

        return progress

    def _tell(self, cache: TeacherCache, one: CachePlan, run: RunPlan, seconds: float) -> None:
        found = cache.document()
        self.say(
            f"what {one.network} says is kept in {cache.place}: {size_of(found['bytes'])}, ready in {seconds:.1f} s"
        )
        self.findings += [{**fault, "run": run.name} for fault in found["findings"]]
        for fault in found["findings"]:
            self.say(fault["message"])


def _serves(one: CachePlan, run: RunPlan, num_classes: int) -> bool:
    """Whether some stage of the run reads nothing of the network but what is kept."""
    if one.mode not in {"memory", "file"} or not any(name.partition("/")[0] == run.name for name in one.stages):
        return False
    read: list[Collection[str]] = [points_read(stage, num_classes).get(one.network, {}) for stage in run.stages]
    return any(points and set(points) <= set(one.points) for points in read)


def _never() -> None:
    return None
