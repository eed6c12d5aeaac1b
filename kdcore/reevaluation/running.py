"""One re-evaluation, from the files of the finished job to its document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from kdcore.bring.steps import Report, Stop
from kdcore.data import open_data
from kdcore.data.examples import Examples
from kdcore.errors import EngineError, Stopped
from kdcore.prepare import Workshop
from kdcore.reevaluation.compared import Side, comparison
from kdcore.reevaluation.given import Given, newly_given
from kdcore.reevaluation.shifted import drifted
from kdcore.spec.plan import STUDENT, MetricPlan, Plan
from kdcore.spec.reevaluation import ReevaluationPlan
from kdcore.tasks import task_of
from kdcore.tasks.quality import quality
from kdcore.train.fitting import memory_is_full
from kdcore.train.machine import Machine

Document = dict[str, Any]


def run(plan: Mapping[str, Any], workdir: Path, report: Report, *, stop: Stop) -> None:
    """Measure what lies in ``workdir``; the result is the last record.

    Args:
        plan: of a re-evaluation, as JSON.

    Raises:
        EngineError: ``invalid_data``, ``device_missing``, ``out_of_memory`` or ``internal``.
        Stopped: on request; the same call begins anew.
    """
    try:
        found = ReevaluationPlan.model_validate(plan)
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(map(str, first["loc"]))
        message = f"this engine cannot read the plan (/{where}: {first['msg']}): re-evaluate once more"
        raise EngineError("internal", message) from None
    try:
        with torch.random.fork_rng():
            document = _Reevaluation(found, workdir, report, stop).run()
    except (MemoryError, RuntimeError) as error:
        if not memory_is_full(error):
            raise
        message = f"the device's memory is full ({error}): give fewer examples, or take a bigger machine"
        raise EngineError("out_of_memory", message, "/dataset") from error
    report({"type": "result", "result": document})


@dataclass(frozen=True)
class _Reevaluation:
    plan: ReevaluationPlan
    workdir: Path
    report: Report
    stop: Callable[[], str | None]

    def run(self) -> Document:
        self._begin("prepare")
        shop = workshop_of(self.plan.distilled, self.workdir)
        given = newly_given(self.plan, shop, self.workdir)
        student = shop.loaded(STUDENT, self.workdir / self.plan.student).eval()
        self._begin("evaluate")
        shift = drifted(self.plan.drift, shop, student, given.examples)
        self._ask()
        own = self._measured(shop, student, shop.data.open_test())
        self._ask()
        new = self._measured(shop, student, given.examples) if len(given.examples) else None
        self._ask()
        return {
            "schema_version": 1,
            "kind": "reevaluation",
            "job": self.plan.job,
            "monitor": self.plan.monitor,
            "number": self.plan.number,
            "dataset": self._dataset(given),
            "metric": MetricPlan.of(shop.task.info.metric).model_dump(),
            "drift": shift,
            "before": own.document(),
            "now": None if new is None else new.document(),
            "change": None if new is None else comparison(own, new, seed=shop.plan.spec.training.seed),
        }

    def _begin(self, phase: str) -> None:
        self._ask()
        self.report({"type": "phase", "phase": phase, "run": None})

    def _ask(self) -> None:
        if (reason := self.stop()) is not None:
            raise Stopped(reason)

    def _measured(self, shop: Workshop, student: nn.Module, examples: Examples) -> Side:
        answers, judged = shop.task.measured(student, shop.normalise(examples.inputs), examples)
        return Side(judged, quality(shop.task, judged, answers, examples.targets))

    def _dataset(self, given: Given) -> Document:
        told = self.plan.dataset
        counts = {"given": given.total, "known": given.known, "examples": len(given.examples)}
        return {"id": told.id, "version": told.version, "name": told.name, "sha256": told.sha256, **counts}


def workshop_of(plan: Plan, workdir: Path) -> Workshop:
    """Data and machine of a finished job, whose student needs nothing but its own file."""
    student = plan.networks[STUDENT].model_copy(update={"starts": None})
    alone = plan.model_copy(update={"networks": {STUDENT: student}, "paths": {}})
    data = open_data(plan.dataset, workdir if plan.dataset.pack is not None else None)
    task = task_of(plan.dataset, workdir)
    data.prepare(task.prepared)
    return Workshop(alone, data, task, Machine.of_this(plan.spec), workdir)
