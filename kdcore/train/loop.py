"""The loop: epochs of a run's stages, with validation, the best weights kept, and a checkpoint at any step."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.data.batches import Batches
from kdcore.data.examples import Examples
from kdcore.data.normalise import Normalise
from kdcore.distributed import Group, Share, Solo
from kdcore.errors import Stopped
from kdcore.spec.plan import RunPlan, StagePlan
from kdcore.tasks import Task
from kdcore.tasks.spread import standard_error
from kdcore.train import validate
from kdcore.train.cache import Table, TeacherCache
from kdcore.train.machine import Machine
from kdcore.train.meter import SPLIT, Meter
from kdcore.train.progress import Progress, Record
from kdcore.train.stage import Stage
from kdcore.train.sums import Sums
from kdcore.train.watch import Watch

RECORDS_PER_EPOCH = 4
MOST_STEPS_PER_RECORD = 50
GPU_CHECK_EVERY = 20
"""Steps between two looks at the loss on a GPU, where each look waits for the device."""

GO_ON, SAVE, STOP = range(3)
"""What the first process decides before a step."""

SAYS = {
    "harm_guard": "harm guard: after epoch {epoch} the matched run has {metric} {matched:.4g} on the validation split, "
    "its twin without matching {unmatched:.4g}; harmful: {harmful}, terms dropped: {dropped}",
    "saturation": "balance of {learner}: the weight of {group} has been above {threshold} for {steps} steps: the other "
    "groups hardly count",
    "early_stopping": "early stopping: stage {stage!r} ends after epoch {epoch}: for {patience} epochs no validation "
    "was better than {best} of epoch {best_epoch}",
    "out_of_memory": "the device's memory was full at step {step} of stage {stage!r}: batches are now taken in {parts} "
    "micro-batches of {pictures} pictures",
    "rollback": "{fault} at step {step}: back to step {to}, and from now on {rate:g} times the learning rate",
}
"""Sentences for what a run can notice about itself."""

NO_WARNING = frozenset({"early_stopping"})
"""What was asked for and is no trouble."""

State = dict[str, Any]
Save = Callable[[State], None]
"""Takes the run's state and makes a checkpoint of it."""


@dataclass
class Position:
    """Where a run is.

    Attributes:
        stage: number of the stage.
        epoch: finished epochs of the stage.
        step: finished steps of the current epoch.
        best: score and weights of the best epoch of the stage so far.
        dropped: terms that the guard took out.
    """

    stage: int = 0
    epoch: int = 0
    step: int = 0
    best: State | None = None
    dropped: tuple[str, ...] = ()


@dataclass
class Loop:
    """One run of the plan.

    Attributes:
        run: what to do.
        networks: every network that the run names.
        batches: the training batches.
        validation: examples to choose the best epoch by, on the device.
        task: what they ask for.
        first_step: steps that the job had done before this run.
        save: makes a checkpoint.
        aside: keeps the learner as it is before it trains as int8.
        stop: says why to stop, or None.
        twin: validation figure that the run without matching had where the guard compares the two.
        findings: what the run noticed about itself, JSON-ready.
        group: the processes that share the run, each with a loop that does the same; the first one's word counts where
            they could differ: when to stop, and when to make a checkpoint.
        caches: kept outputs of frozen networks.
        tables: stored outputs, by the networks that are such tables and the paths through them.
        texts: by stage, what the teacher wrote to the training examples.
    """

    run: RunPlan
    networks: Mapping[str, nn.Module]
    batches: Batches
    validation: Examples
    task: Task
    normalise: Normalise
    machine: Machine
    progress: Progress
    first_step: int
    save: Save
    stop: Callable[[], str | None]
    poll: Callable[[], bool] = lambda: True
    aside: Callable[[nn.Module], None] = lambda network: None
    twin: float | None = None
    group: Group = field(default_factory=Solo)
    caches: Mapping[str, TeacherCache] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    texts: Mapping[str, Tensor] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    position: Position = field(default_factory=Position)
    history: list[Record] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)
    _stage: Stage | None = None
    _named: nn.ModuleDict = field(default_factory=nn.ModuleDict)
    _saved_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._share = Share(self.group.rank, self.group.size, self.run.training.accumulate)
        self._watch = Watch(self.learners, self.run.training.rollback, self._found)
        self._meter = Meter(self.machine.device)

    @property
    def learner(self) -> nn.Module:
        """The network that the run is for."""
        return self.networks[self.run.learner]

    @property
    def learners(self) -> nn.ModuleDict:
        """Every network that learns."""
        return nn.ModuleDict({name: self.networks[name] for name in self.run.learners})

    def train(self, state: State | None = None) -> list[Record]:
        """Run to the end, from ``state`` if there is one; returns the metric records of the whole run.

        Raises:
            Stopped: on request, after a checkpoint.
            EngineError: ``non_finite_loss``, ``layer_not_found``, ``out_of_memory``.
        """
        self.learners.train()
        if state is not None:
            self._restore(state)
        for number in range(self.position.stage, len(self.run.stages)):
            self.position.stage = number
            if state is None and self.run.stages[number].quantise is not None:
                self.aside(self.learner)
            self._run_stage(self.run.stages[number], state)
            self.position = replace(self.position, stage=number + 1, epoch=0, step=0, best=None)
            state = None
        return self.history

    def _run_stage(self, plan: StagePlan, state: State | None) -> None:
        before = self._stage
        stage = self._stage = Stage(
            self.run,
            plan,
            self.networks,
            self._sample(),
            self.machine,
            samples=len(self.batches.targets),
            named=self._named,
            group=self.group,
            caches=self.caches,
            tables=self.tables,
            texts=self.texts.get(plan.name),
        )
        stage.objective.dropped = frozenset(self.position.dropped)
        try:
            if state is None:
                if before is not None and plan.begins:
                    stage.go_on_from(before)
                self._watch.begin(stage, 0)
            else:
                stage.restore(state["stage"])
                self._watch.restore(state["watch"])
            for epoch in range(self.position.epoch, plan.epochs):
                self._epoch(stage, epoch)
                with stage.averaged():
                    score, rows = self._validate(stage, epoch)
                self.position.epoch, self.position.step = epoch + 1, 0
                self._compare_with_twin(stage, rows)
                if self._ends_early(stage, score):
                    break
            if self.position.best is not None:
                self.learners.load_state_dict(self.position.best["weights"])
            elif stage.average is not None:
                stage.learning.load_state_dict(stage.average.weights())
        finally:
            stage.close()

    def _sample(self) -> Tensor:
        return self.normalise(self.validation.inputs[:2])

    def _epoch(self, stage: Stage, epoch: int) -> None:
        every = min(max(self.run.steps_per_epoch // RECORDS_PER_EPOCH, 1), MOST_STEPS_PER_RECORD)
        total_epoch = self._epochs_before() + epoch
        self._meter.begin()
        for batch in self.batches.epoch(total_epoch, self.position.step):
            self._answer_requests()
            step = self.position.step
            of_stage = epoch * self.run.steps_per_epoch + step
            values = stage.step(self._share.of(batch), epoch, of_stage, rate=self._watch.rate)
            for facts in stage.cut.news():
                self._found("out_of_memory", facts)
            if self._watch.look(stage, values, of_stage):
                self.sums.add(values)
            self.position.step = step + 1
            self._meter.add(len(batch.index))
            if self.machine.device == "cpu" or step % GPU_CHECK_EVERY == 0:
                self.sums.check_finite(f"in stage {stage.plan.name!r}, epoch {epoch + 1}, step {step + 1}")
            if (step + 1) % every == 0 or step + 1 == self.run.steps_per_epoch:
                rate = stage.rate(of_stage) * self._watch.rate
                self._metrics("train", {**self.sums.means(), "lr": rate})
                self.progress.report(self._record(SPLIT, self._meter.read()))  # not history: it is never the same twice
            self._say_progress(total_epoch)

    def _epochs_before(self) -> int:
        return sum(stage.epochs for stage in self.run.stages[: self.position.stage])

    def _steps_done(self) -> int:
        epochs = self._epochs_before() + self.position.epoch
        return self.first_step + epochs * self.run.steps_per_epoch + self.position.step

    def _metrics(self, split: str, values: dict[str, float]) -> None:
        record = self._record(split, values)
        self.history.append(record)
        self.progress.report(record)

    def _record(self, split: str, values: dict[str, float]) -> Record:
        done = self._steps_done()
        return {
            "type": "metrics",
            "run": self.run.name,
            "stage": self.run.stages[self.position.stage].name,
            "split": split,
            "step": done,
            "epoch": round((done - self.first_step) / self.run.steps_per_epoch, 4),
            "values": values,
        }

    def _say_progress(self, epoch: int) -> None:
        self.progress.step(
            self._steps_done(),
            phase=self.run.phase,
            run=self.run.name,
            stage=self.run.stages[self.position.stage].name,
            epoch=epoch + 1,
            epochs=self.run.epochs,
        )

    def _validate(self, stage: Stage, epoch: int) -> tuple[float, Tensor | None]:
        """Record how good the learner is, and remember its weights if it was never better in this stage.

        Returns:
            the score, and the learner's rows of statistics where it answers in this stage.
        """
        values = validate.stage_losses(stage, self.validation, self.normalise, epoch)
        score, rows = -values["loss"], None
        if stage.plan.upto is None and stage.teaches(self.run.learner):
            rows = self._rows(self.run.learner)
            figures = self._figures(rows)
            values, score = values | figures, self.task.score(figures)
        for name in self.run.learners[1:]:
            if stage.teaches(name) and stage.speaks(name):
                others = self._figures(self._rows(name))
                values |= {f"{figure}.{name}": value for figure, value in others.items()}
        self._metrics("validation", values)
        best = self.position.best
        if self.run.training.keep == "best" and (best is None or score > best["score"]):
            self.position.best = {"score": score, "weights": copy.deepcopy(self.learners.state_dict())}
        return score, rows

    def _rows(self, name: str) -> Tensor:
        table = self.tables.get(name)
        return validate.rows(self.networks[name], self.task, self.validation, self.normalise, self.group, table)

    def _figures(self, rows: Tensor) -> dict[str, float]:
        return {name: float(value) for name, value in self.task.figures(rows.sum(0)).items()}

    def _ends_early(self, stage: Stage, score: float) -> bool:
        facts = None if stage.stopping is None else stage.stopping.look(score, self.position.epoch)
        if facts is not None:
            self._found("early_stopping", {"stage": stage.plan.name, **facts})
        return facts is not None

    def _compare_with_twin(self, stage: Stage, rows: Tensor | None) -> None:
        """Where the guard asks: is the run behind the one that does not match features?"""
        guard = self.run.guard
        if guard is None or self.twin is None or rows is None:
            return
        if self._epochs_before() + self.position.epoch != guard.epoch:
            return
        metric = self.task.watched.name
        matched = self._figures(rows)[metric]
        behind = standard_error(self.task, rows, self.twin) if guard.tolerance is None else guard.tolerance
        harmful = self.task.score({metric: matched}) < self.task.score({metric: self.twin}) - behind
        matching = _matching(self.run.stages[self.position.stage :])
        if harmful and guard.action == "drop":
            self.position.dropped = (*self.position.dropped, *matching)
            stage.objective.dropped = frozenset(self.position.dropped)
        found = {"matched": matched, "unmatched": self.twin, "metric": metric, "tolerance": behind}
        found |= {"terms": list(matching), "harmful": harmful, "epoch": guard.epoch}
        self._found("harm_guard", {**found, "dropped": harmful and guard.action == "drop"})

    def _found(self, kind: str, facts: dict[str, Any]) -> None:
        """Keep what the run noticed about itself, and say it."""
        self.findings.append({"kind": kind, "run": self.run.name, **facts})
        quiet = kind in NO_WARNING or not facts.get("harmful", True)
        level = "info" if quiet else "warning"
        self.progress.report({"type": "log", "level": level, "message": SAYS[kind].format(**facts)})

    def _answer_requests(self) -> None:
        """Make a checkpoint when one is due or when asked to stop."""
        reason = self.stop()
        free = self.poll()
        due = free and time.monotonic() - self._saved_at >= self.run.training.checkpoints.every_seconds
        decided = self.group.decided(STOP if reason is not None else SAVE if due else GO_ON)
        if decided != GO_ON:
            self.sums.check_finite("before a checkpoint")
            self.save(self.state())  # the state is asked of all processes: each has random streams of its own
            self._saved_at = time.monotonic()
        if decided == STOP:
            raise Stopped(self.group.told(reason or ""))

    def state(self) -> State:
        """Everything that the rest of the run depends on."""
        assert self._stage is not None
        position = dict(vars(self.position))
        return {
            "best": position.pop("best"),
            "position": position,
            "steps_done": self._steps_done(),
            "learners": self.learners.state_dict(),
            "stage": self._stage.state(),
            "watch": self._watch.state(),
            "sums": self.sums.state(),
            "history": self.history,
            "findings": self.findings,
            "rng": self.group.every(_random_state(self.machine.device)),
        }

    def _restore(self, state: State) -> None:
        self.position = Position(**state["position"], best=state["best"])
        self.learners.load_state_dict(state["learners"])
        self.sums.restore(state["sums"], self.machine.device)
        self.history = list(state["history"])
        self.findings = [*state["findings"], *self.findings]
        _set_random_state(state["rng"][self.group.rank], self.machine.device)


def _matching(stages: Sequence[StagePlan]) -> tuple[str, ...]:
    """Terms that compare features, of stages in which others would remain."""
    found = [
        term.name
        for stage in stages
        if not all(term.compares_features for term in stage.terms)
        for term in stage.terms
        if term.compares_features
    ]
    return tuple(dict.fromkeys(found))


def _random_state(device: str) -> State:
    """Torch's global streams: dropout draws from them."""
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state() if device == "cuda" else None}


def _set_random_state(state: State, device: str) -> None:
    torch.set_rng_state(state["cpu"])
    if device == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"])
