"""``prepare``: build everything once, resolve what only torch and the machine can know, and fail before training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

import kdcore.models as models
from kdcore.blackboxes import black_box, tables
from kdcore.data import Data, open_data
from kdcore.data.batches import Batch
from kdcore.data.normalise import Normalise
from kdcore.errors import EngineError
from kdcore.kept import decided
from kdcore.models.folding import folded
from kdcore.objective import paths
from kdcore.objective.copying import copy_layers
from kdcore.objective.networks import freeze
from kdcore.objective.terms import points_of
from kdcore.seeds import seeded
from kdcore.spec.plan import STUDENT, Plan, RunPlan
from kdcore.spec.points import Point
from kdcore.tasks import Task, task_of
from kdcore.train.cache import Table
from kdcore.train.machine import Machine
from kdcore.train.numerics import choose, whether_compiled
from kdcore.train.stage import Stage
from kdcore.train.threads import fastest


@dataclass(frozen=True)
class Workshop:
    """What all runs of a job share.

    Attributes:
        plan: of the job.
        data: its examples.
        task: what they ask for.
        machine: where it runs.
        folder: what the plan's paths of brought files are relative to.
        tables: stored outputs, by the networks that are such tables and the paths through them.
    """

    plan: Plan
    data: Data
    task: Task
    machine: Machine
    folder: Path = Path()
    tables: Mapping[str, Table] = field(default_factory=dict)

    @property
    def normalise(self) -> Normalise:
        """From raw inputs to what networks get."""
        return Normalise(self.data.mean, self.data.std, self.data.kind)

    def fresh(self, name: str, networks: Mapping[str, nn.Module] | None = None) -> nn.Module:
        """The network ``name`` with its initial weights; the same bits whenever and for whichever run it is asked.

        ``networks`` are those that a path is built from; fresh ones where they are left out.
        """
        if name in self.plan.paths:
            return self._path(name, networks or {})
        network = self.plan.networks[name]
        if network.kind != "built":
            box = black_box(network, self.folder, self.plan.dataset)
            return (box if name in self.tables else self._as_it_knows(box, name)).to(self.machine.device)
        with seeded(self.plan.spec.training.seed, name, "initial weights"):
            built = models.build(network.architecture, network.num_classes, **network.options)
        if network.starts is not None:
            self._start(built, name, network.starts)
        return self._as_it_knows(models.without_inplace(built), name).to(self.machine.device)

    def _start(self, built: nn.Module, name: str, file: str) -> None:
        try:
            models.start(built, self.folder / file)
        except (ValueError, OSError) as error:
            raise EngineError("invalid_data", f"{name}: {error}", f"/{name}") from error

    def _as_it_knows(self, network: nn.Module, name: str) -> nn.Module:
        """The network, given inputs normalised as it was trained on where that is not as the dataset is."""
        plan = self.plan.networks[name]
        if not plan.mean:
            return network
        try:
            return models.renormalised(network, self.data.mean, self.data.std, plan.mean, plan.std)
        except ValueError as error:
            raise EngineError("invalid_data", f"{name}: {error}", f"/{name}") from None

    def _path(self, name: str, networks: Mapping[str, nn.Module]) -> nn.Module:
        path = self.plan.paths[name]
        of = networks[path.of] if path.of in networks else self.fresh(path.of)
        further: dict[str, Any] = {}
        if path.borrows is not None:
            further["borrowed"] = networks[path.borrows] if path.borrows in networks else self.fresh(path.borrows)
        further |= {"at": path.at, "classifier": path.classifier, "sample": self._sample_of(path.of)}
        try:
            with seeded(self.plan.spec.training.seed, name, "initial weights"):
                built = paths.build(path.kind, of, path.options, **further)
        except ValueError as error:
            raise EngineError("layer_not_found", str(error), f"/method/networks/{name}") from None
        return built.to(self.machine.device)

    @property
    def sample(self) -> Tensor:
        """Two inputs to trace shapes with."""
        return self.normalise(self.data.validation.inputs[:2]).to(self.machine.device)

    def _sample_of(self, name: str) -> Tensor:
        table = self.tables.get(name)
        return self.sample if table is None else table.rows("validation", torch.arange(2)).to(self.machine.device)

    def given(self, name: str, split: Literal["validation", "test"]) -> Tensor:
        """What the network ``name`` is given about a whole split: its inputs, or the rows of its table."""
        examples = self.data.validation if split == "validation" else self.data.test
        if name in self.tables:
            return self.tables[name].rows(split, torch.arange(len(examples)))
        return self.normalise(examples.inputs)

    def loaded(self, name: str, path: Path) -> nn.Module:
        """The network ``name`` with the weights of a file; a black box as it is.

        Raises:
            EngineError: ``invalid_data`` when the file does not hold this network.
        """
        network = self.fresh(name)
        if self.plan.networks[name].kind != "built":
            return network
        try:
            models.load(network, path)
        except (ValueError, OSError) as error:
            raise EngineError("invalid_data", f"{name}: {error}", f"/{name}/weights") from error
        return network

    def speaker(self, name: str, workdir: Path) -> nn.Module:
        """The network ``name`` as a frozen speaker: from the plan's file, or as a run of this job left it."""
        given = self.plan.networks[name].weights
        return freeze(self.loaded(name, self.folder / given if given else weights_file(workdir, name)))

    def networks(self, run: RunPlan, workdir: Path) -> dict[str, nn.Module]:
        """The learners of ``run``, fresh, and whom it listens to; paths are built over the others."""
        plain = {name: self.speaker(name, workdir) for name in run.needs}
        found = {name: self.listened(network, name, run) for name, network in plain.items()}
        for name in sorted(run.learners, key=lambda learner: learner in self.plan.paths):
            under = self.plan.paths[name].of if name in self.plan.paths else name
            with_start = {under: self._started(under, run, plain)} if under not in found else {}
            made = self.fresh(name, {**found, **with_start}) if name != under else with_start[under]
            found[name] = self.machine.laid_out_network(made)
        return found

    def listened(self, network: nn.Module, name: str, run: RunPlan) -> nn.Module:
        """A frozen network as it speaks in ``run``: with less work where that says the same."""
        if self.machine.folded and self.plan.networks[name].kind == "built":
            points = [point for stage in run.stages for point in points_of(stage).get(name, ())]
            points += [point for path in self.plan.paths.values() if path.of == name for point in path.at]
            looked_at = {Point.parse(point).path for point in points}
            network, _ = folded(network, self.sample, looked_at)
        return freeze(self.machine.laid_out_network(network))

    def _started(self, name: str, run: RunPlan, speakers: Mapping[str, nn.Module]) -> nn.Module:
        """A fresh network; the student with the layers that it copies."""
        network = self.fresh(name)
        if run.copies is not None and name == STUDENT:
            try:
                own, others = zip(*run.copies.blocks, strict=True)
                copy_layers(network, speakers[run.copies.of], own, others, range(len(own)))
            except ValueError as error:
                raise EngineError("layer_not_found", str(error), "/student/copy") from None
        return network

    def learnt(self, name: str, networks: Mapping[str, nn.Module], path: Path) -> nn.Module:
        """A network that learnt beside the student, as its run left it."""
        network = self.fresh(name, networks)
        models.load(network, path)
        return network

    def delivered(self, workdir: Path, run: str = "distil") -> nn.Module:
        """What a student's run ended with; a path comes with all that it leads through."""
        name = STUDENT if run == "alone" else self.plan.delivers
        return self.learnt(name, {}, weights_file(workdir, run))


def weights_file(workdir: Path, run: str, network: str | None = None) -> Path:
    """Where a finished run leaves the weights of the network that it is for, or of another that learnt with it."""
    return workdir / "runs" / run / f"{network or 'weights'}.safetensors"


def open_workshop(plan: Plan, pinned: Mapping[str, Any] | None, folder: str | Path = ".") -> Workshop:
    """Read the data and settle the machine; as an earlier attempt pinned it, if there was one.

    Args:
        folder: what the plan's paths of brought files are relative to.

    Raises:
        EngineError: ``invalid_data`` or ``device_missing``.
    """
    machine = Machine.of_this(plan.spec)
    if pinned is not None:
        machine = machine.as_pinned(pinned["machine"])
    folder = Path(folder)
    task = task_of(plan.dataset, folder)
    data = open_data(plan.dataset, folder if plan.dataset.pack is not None else None)
    data.prepare(task.prepared)
    if pinned is not None and data.sha256() != pinned["data"]["sha256"]:
        message = f"dataset {plan.dataset.name!r} has other examples than the checkpoint was made with"
        raise EngineError("invalid_data", message, "/dataset")
    return Workshop(plan, data, task, machine, folder, tables(plan, data, folder))


def resolve(workshop: Workshop) -> tuple[Workshop, dict[str, Any]]:
    """Settle what was open; returns the workshop, and what ``resolved.json`` holds: machine, data, stages as traced.

    A wrong layer ends the job here.

    Raises:
        EngineError: ``layer_not_found`` or ``invalid_data``.
    """
    plan, data = workshop.plan, workshop.data
    given = {name: network.weights for name, network in plan.networks.items() if network.weights}
    networks = {
        name: workshop.loaded(name, workshop.folder / given[name]) if name in given else workshop.fresh(name)
        for name in plan.networks
    }
    networks |= {name: workshop.fresh(name) for name in plan.paths}  # over networks of their own: some freeze them
    workshop, measured = _with_numerics(_with_threads(workshop))
    workshop, reason = _with_compiler(workshop)
    return workshop, {
        "machine": workshop.machine.pinned(),
        "data": {"sha256": data.sha256(), "mean": list(data.mean), "std": list(data.std)},
        "runs": {run.name: _traced(run, networks, workshop) for run in plan.runs},
        "numerics": measured,
        "kept_outputs": decided(plan, networks, workshop.sample, workshop.machine),
        "compile": reason,
    }


def _with_threads(workshop: Workshop) -> Workshop:
    """The workshop with as many CPU threads as pay for the job's last stage, unless the spec says how many."""
    machine = workshop.machine
    if machine.device != "cpu" or workshop.plan.spec.resources.threads is not None or machine.threads == 1:
        return workshop
    step, close = _last_step(workshop, machine)
    try:
        threads = fastest(step, machine.threads)
    finally:
        close()
    return replace(workshop, machine=replace(machine, threads=threads))


def _with_numerics(workshop: Workshop) -> tuple[Workshop, list[dict[str, Any]]]:
    """The workshop with the precision and memory format that pay, unless the spec says which; and what was measured."""
    before = torch.get_num_threads()
    torch.set_num_threads(workshop.machine.threads)
    try:
        training = workshop.plan.spec.training
        make_step = partial(_last_step, workshop)
        machine, rows = choose(workshop.machine, training, make_step, workshop.plan.steps)
    finally:
        torch.set_num_threads(before)
    return replace(workshop, machine=machine), rows


def _with_compiler(workshop: Workshop) -> tuple[Workshop, str]:
    """The workshop with compiled networks where that pays, unless the spec says; and why."""
    spec = workshop.plan.spec
    if spec.resources.processes > 1:
        return workshop, "off: several processes share the networks"
    make_step = partial(_last_step, workshop)
    with workshop.machine.set_up(deterministic=spec.training.deterministic):  # else all is compiled again to train
        machine, reason = whether_compiled(workshop.machine, spec.training.compile, make_step, workshop.plan.steps)
    return replace(workshop, machine=machine), reason


def _last_step(workshop: Workshop, machine: Machine) -> tuple[Callable[[], float], Callable[[], None]]:
    """A step of the job's last stage on fresh networks, as ``machine`` would take it, and what closes it."""
    run = workshop.plan.runs[-1]
    networks = _fresh_networks(replace(workshop, machine=machine), run)
    cast = {name: network.train(name in run.learners) for name, network in networks.items()}
    size = run.training.batch_size // workshop.plan.spec.resources.processes
    held_out = workshop.data.validation
    index = torch.arange(size) % len(held_out)
    images = workshop.normalise(held_out.inputs[index]).to(machine.device)
    batch = Batch(images, held_out.targets[index].to(machine.device), index)
    stage = Stage(run, run.stages[-1], cast, images[:2], machine, samples=size, tables=workshop.tables)

    def step() -> float:
        return float(stage.step(batch, 0, 0)["loss"])

    return step, stage.close


def _fresh_networks(workshop: Workshop, run: RunPlan) -> dict[str, nn.Module]:
    """Every network of a run with its initial weights, frozen where it only speaks."""
    found = {name: workshop.listened(freeze(workshop.fresh(name)), name, run) for name in run.needs}
    for name in sorted(run.learners, key=lambda learner: learner in workshop.plan.paths):
        found[name] = workshop.machine.laid_out_network(workshop.fresh(name, found))
    return found


def _cast(run: RunPlan, networks: Mapping[str, nn.Module], *, learn: bool) -> dict[str, nn.Module]:
    """The networks of a run, each once."""
    return {name: networks[name].train(learn) for name in (*run.learners, *run.needs)}


def _traced(run: RunPlan, networks: Mapping[str, nn.Module], workshop: Workshop) -> dict[str, Any]:
    found, named = {}, nn.ModuleDict()
    for plan in run.stages:
        stage = Stage(
            run,
            plan,
            _cast(run, networks, learn=False),
            workshop.sample,
            workshop.machine,
            samples=0,
            named=named,
            tables=workshop.tables,
        )
        found[plan.name] = stage.describe()
        stage.close()
    return found
