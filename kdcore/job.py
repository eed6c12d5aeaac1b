"""``kdcore.run``: one plan from its first phase to its result, resumable at any moment."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdcore import gate
from kdcore.batching import batches_of
from kdcore.data.batches import Batches
from kdcore.data.mapped import Mapped
from kdcore.data.shelves import in_file, shelf, streams
from kdcore.distributed import Group, Place, Solo, open_group
from kdcore.errors import EngineError, Stopped
from kdcore.files import disk_full, write_json
from kdcore.kept import Keeper
from kdcore.left import BEFORE, history_of, leave, left_by, set_aside
from kdcore.objective.networks import fingerprint
from kdcore.prepare import Workshop, open_workshop, resolve, weights_file
from kdcore.proof import Prover
from kdcore.proof.scores import scores
from kdcore.seeds import derive
from kdcore.spec.generated import TeacherTexts
from kdcore.spec.plan import Plan, RunPlan
from kdcore.together import run_together
from kdcore.train import search
from kdcore.train.cache import Keep, TeacherCache
from kdcore.train.checkpoint import CheckpointFolder
from kdcore.train.corpus import Corpus
from kdcore.train.fitting import memory_is_full
from kdcore.train.loop import Loop
from kdcore.train.machine import Machine
from kdcore.train.progress import Progress, Record, Report
from kdcore.train.spending import Spending, spending
from kdcore.train.writer import CheckpointWriter
from kdcore.trees import TREES

RESOLVED, SHELF = "resolved.json", "shelf"


@dataclass(frozen=True)
class Result:
    """What a job ended with.

    Attributes:
        document: as in ``result.json``.
        artifacts: folder of the delivered files.
    """

    document: dict[str, Any]
    artifacts: Path


def run(
    plan: Plan,
    workdir: str | Path,
    report: Report,
    *,
    stop: Callable[[], str | None] = lambda: None,
    keep: Keep | None = None,
    trial: bool = False,
) -> Result:
    """Run a plan in ``workdir``; an earlier attempt's checkpoint there is taken up.

    Args:
        plan: from ``kdcore.spec.plan``.
        workdir: folder of this job alone.
        report: called with each record (phase, progress, metrics, log, resolved, checkpoint, artifact, result).
        stop: asked at every step; a reason ends the run after a checkpoint.
        keep: where outputs of frozen networks are kept; in ``workdir`` when left out.
        trial: end with the student's scores (`kdcore.proof.scores`), with no files to deliver and no report; on one
            process.

    Raises:
        Stopped: on request, with the reason.
        EngineError: when the job cannot go on; ``code`` says why.
    """
    folder = Path(workdir)
    folder.mkdir(parents=True, exist_ok=True)
    keep = keep or Keep(folder / "kept")
    processes = plan.spec.resources.processes
    if processes > 1 and Place.of().size == 1:
        return Result(run_together(plan, folder, report, stop, keep), folder / "artifacts")
    group = open_group(processes, Machine.of_this(plan.spec).device)
    try:
        with torch.random.fork_rng():
            return _Job(plan, folder, report if group.first else _silent, stop, keep, group, trial=trial).run()
    except (MemoryError, RuntimeError) as error:
        if not memory_is_full(error):
            raise
        message = f"the device's memory is full ({error}): take a smaller batch_size or a smaller network"
        raise EngineError("out_of_memory", message, "/training/batch_size") from error
    except OSError as error:
        raise disk_full(error, Path(error.filename or folder)) from error
    finally:
        group.close()


def _silent(record: Record) -> None:
    """What a process reports that is not the first."""


@dataclass
class _Job:
    plan: Plan
    workdir: Path
    report: Report
    stop: Callable[[], str | None]
    keep: Keep
    group: Group = field(default_factory=Solo)
    trial: bool = False
    done: list[str] = field(default_factory=list)
    bitwise: bool = True
    durations: dict[str, float] = field(default_factory=dict)
    spent: Spending = field(default_factory=Spending)

    def run(self) -> Result:
        document = self.plan.document()
        digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        if self.group.first:
            write_json(self.workdir / "plan.json", document)
        asked = self.plan.spec.training.checkpoints
        self.checkpoints = CheckpointFolder(self.workdir, digest, asked.keep)
        self.spent = spending(Machine.of_this(self.plan.spec).device, self.group.size)
        with self._phase("prepare"):
            state = self._take_up()
            self.workshop, self.resolved = self._prepare()
            self.streamed = self._shelve()
        self.writer = CheckpointWriter(self.checkpoints, self._written, background=asked.background)
        with self.workshop.machine.set_up(deterministic=self.plan.spec.training.deterministic), self.writer:
            self.progress = Progress(self.report, self.plan.steps, self._steps_before() + _steps_of(state))
            for run in self.plan.runs:
                if run.name not in self.done:
                    with self._phase(run.phase, run.name), self.spent.of(run.name):
                        self._train(run, state)
                    state = None
            self.writer.wait()
            return self._prove() if self.group.first else Result({}, self.workdir / "artifacts")

    @contextmanager
    def _phase(self, phase: str, run: str | None = None) -> Iterator[None]:
        self.report({"type": "phase", "phase": phase, "run": run})
        began = time.monotonic()
        yield
        self.durations[phase] = round(self.durations.get(phase, 0.0) + time.monotonic() - began, 3)

    def _log(self, message: str, level: str = "info") -> None:
        self.report({"type": "log", "level": level, "message": message})

    def _take_up(self) -> dict[str, Any] | None:
        """The state of the newest whole checkpoint, if there is one."""
        found = self.checkpoints.load()
        self.group.barrier()  # nobody writes before all have read
        if found is None:
            return None
        position, state = found
        self.done = list(position["done"])
        self.bitwise = position["bitwise"]
        self.spent.restore(position["spent"])
        self._log(f"resuming from step {position['step']} of {self.plan.steps}")
        return state

    def _prepare(self) -> tuple[Workshop, dict[str, Any]]:
        """As the first process settles it, in all."""
        settled = self._settle() if self.group.first else None
        pinned = self.group.told(None if settled is None else settled[1])
        assert pinned is not None
        return settled or (open_workshop(self.plan, pinned, self.workdir), pinned)

    def _settle(self) -> tuple[Workshop, dict[str, Any]]:
        path = self.workdir / RESOLVED
        pinned = json.loads(path.read_text()) if path.exists() else None
        workshop = open_workshop(self.plan, pinned, self.workdir)
        if pinned is None:
            workshop, pinned = resolve(workshop)
            pinned["gate"] = self._gate(workshop)
            write_json(path, pinned)
        elif workshop.machine.pinned() != pinned["machine"]:
            self.bitwise = False
            self._log(f"another machine than before: {workshop.machine}; the bits may differ", "warning")
        self.report({"type": "resolved", "resolved": pinned})
        return workshop, pinned

    def _gate(self, workshop: Workshop) -> dict[str, Any]:
        """What given teachers are worth, said before anybody listens to them."""
        found = gate.passed(workshop)
        for figures in found.values():
            self._log(figures["message"], "info" if figures["passed"] else "warning")
        return found

    def _steps_before(self) -> int:
        return sum(run.steps for run in self.plan.runs if run.name in self.done)

    def _train(self, run: RunPlan, state: dict[str, Any] | None) -> None:
        others = () if self.group.first else (self.group.rank,)
        torch.manual_seed(derive(run.training.seed, run.name, "global stream", *others))
        run = self._chosen(run)
        networks = self.workshop.networks(run, self.workdir)
        before = {name: fingerprint(networks[name]) for name in run.needs}
        batches = self._batches(run)
        texts = self._written_by_teacher(run, networks, batches)
        keeper = self._keeper()
        with keeper.of(run, networks, batches) as caches:
            loop = self._loop(run, networks, batches, caches, texts)
            loop.findings += keeper.findings
            history = loop.train(state)
        for name, was in before.items():
            if fingerprint(networks[name]) != was:
                raise EngineError("internal", f"the frozen {name} changed during run {run.name!r}; please report this")
        self._keep(run, networks, history, loop.findings)

    def _written_by_teacher(
        self, run: RunPlan, networks: Mapping[str, nn.Module], batches: Batches
    ) -> dict[str, Tensor]:
        """The texts that stages learn from, written now where they are not there yet; safe before the training."""
        corpora = self._corpora(run.name)
        fresh = [corpus for corpus in corpora if not corpus.complete]
        workshop = self.workshop
        try:
            for corpus in fresh:
                teacher = networks[corpus.plan.writer]
                settings = (batches.shelf, workshop.normalise, workshop.machine, self.group)
                corpus.write(teacher, *settings, say=self._log, stop=self.stop)
        except Stopped:
            self._checkpoint(run.name, self._steps_before(), None)
            raise
        if fresh:
            self._checkpoint(run.name, self._steps_before(), None)
        texts = {corpus.number: corpus.texts() for corpus in corpora}
        stages = enumerate(run.stages)
        places = {stage.name: number - bool(stage.begins) for number, stage in stages}  # whose terms go on
        return {name: texts[number] for name, number in places.items() if number in texts}

    def _corpora(self, name: str) -> list[Corpus]:
        """What a teacher writes for the stages of a run."""
        run, folder = self.plan.run(name), weights_file(self.workdir, name).parent
        return [
            Corpus(folder, number, stage.name, stage.writing, self.plan.dataset.counts.train)
            for number, stage in enumerate(run.stages)
            if not stage.begins and stage.writing is not None and isinstance(stage.writing.asked, TeacherTexts)
        ]

    def _chosen(self, run: RunPlan) -> RunPlan:
        """The run with the points that its searches found best."""
        if not run.choices:
            return run
        (names,) = set(run.choices.values())
        ranked = search.ranked(names, self._history, self.workshop.task)
        best = self.plan.run(ranked[0]["run"])
        for row in ranked:
            self._log("hint-pair search: {run}, {metric} {figure:.4g}, hint loss {loss:.4g}".format(**row))
        return search.with_points_of(run, best)

    def _history(self, run: str) -> list[Record]:
        return history_of(self.workdir, run)

    def _batches(self, run: RunPlan) -> Batches:
        readers, device = self.plan.spec.resources.readers, self.workshop.machine.device
        train, folder = self.workshop.data.train, self.workdir / SHELF
        inputs = shelf(train, folder, device, streamed=self.streamed, readers=readers)
        return batches_of(run, self.workshop, inputs)

    def _shelve(self) -> bool:
        """Put the training examples into a file if they are too large for memory; whether they were."""
        data, folder = self.workshop.data, self.workdir / SHELF
        budget = self.plan.spec.resources.memory_gb
        streamed = self.group.told(streams(data.train, self.workshop.machine.device, budget))
        if streamed:
            if self.group.first:
                Mapped.write(data.train, folder)
                self._log(f"the training inputs ({data.train.inputs.nbytes / 1e9:.2g} GB) are streamed from a file")
            self.group.barrier()
            data.train = in_file(folder)
        return streamed

    def _keeper(self) -> Keeper:
        resolved = self.resolved
        return Keeper(
            plan=self.plan,
            machine=self.workshop.machine,
            group=self.group,
            keep=self.keep,
            decisions=resolved["kept_outputs"],
            sha256=resolved["data"]["sha256"]["train"],
            say=self._log,
            stop=self.stop,
        )

    def _loop(
        self,
        run: RunPlan,
        networks: dict[str, nn.Module],
        batches: Batches,
        caches: Mapping[str, TeacherCache],
        texts: Mapping[str, Tensor],
    ) -> Loop:
        workshop = self.workshop
        device = workshop.machine.device
        return Loop(
            run=run,
            networks=networks,
            batches=batches,
            validation=workshop.data.validation.on(device),
            task=workshop.task,
            normalise=workshop.normalise,
            machine=workshop.machine,
            progress=self.progress,
            first_step=self._steps_before(),
            save=lambda state: self._checkpoint(run.name, state["steps_done"], state),
            stop=self.stop,
            poll=self._poll,
            aside=lambda network: set_aside(self.workdir, run, network),
            group=self.group,
            caches=caches,
            tables=workshop.tables,
            texts=texts,
            twin=self._twin_figure(run),
        )

    def _twin_figure(self, run: RunPlan) -> float | None:
        guard = run.guard
        return None if guard is None else search.last_figure(self._history(guard.twin), self.workshop.task.watched.name)

    def _keep(
        self, run: RunPlan, networks: dict[str, nn.Module], history: list[Record], findings: list[dict[str, Any]]
    ) -> None:
        """Leave what a finished run is needed for, then make it safe."""
        if self.group.first:
            leave(self.workdir, run, networks, history, findings)
        self.group.barrier()  # the next run reads it
        self.done.append(run.name)
        self._checkpoint(run.name, self._steps_before(), None)

    def _checkpoint(self, run: str, step: int, state: dict[str, Any] | None) -> None:
        if not self.group.first:
            return
        kept = [f"runs/{name}/{file}" for name in self.done for file in left_by(self.plan.run(name))]
        kept += [] if run in self.done else [f"runs/{run}/{path.name}" for path in self._made_by(run)]
        so_far = {"done": list(self.done), "bitwise": self.bitwise, "spent": self.spent.state()}
        position = {"run": run, "step": step, **so_far}
        grown = [TREES] if any(network.kind == "trees" for network in self.plan.networks.values()) else []
        self.writer.save(position, state, [RESOLVED, *grown, *kept])

    def _made_by(self, run: str) -> list[Path]:
        """Files that an unfinished run has made and will look at again."""
        aside = weights_file(self.workdir, run).with_name(BEFORE)
        return [*(path for corpus in self._corpora(run) for path in corpus.files()), *[aside][: aside.exists()]]

    def _written(self, record: Record) -> None:
        self.report({"type": "checkpoint", **record})

    def _poll(self) -> bool:
        """Tell of a checkpoint that is written; whether the next one may be made without waiting."""
        self.writer.poll()
        return not self.writer.busy

    def _prove(self) -> Result:
        if self.trial:
            with self._phase("evaluate"):
                return Result(scores(self.workshop, self.workdir), self.workdir / "artifacts")

        def ask() -> None:
            reason = self.stop()
            if reason is not None:
                raise Stopped(reason)

        document = Prover(
            workshop=self.workshop,
            workdir=self.workdir,
            resolved={**self.resolved, "bitwise": self.bitwise},
            phase=self._phase,
            durations=self.durations,
            cost=self.spent.cost(self.workshop.machine.device),
            ask=ask,
            report=self.report,
        ).prove()
        self.report({"type": "result", "result": document})
        return Result(dict(document), self.workdir / "artifacts")


def _steps_of(state: dict[str, Any] | None) -> int:
    return 0 if state is None else int(state["position"]["step"])
