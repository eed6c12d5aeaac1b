"""``plan(spec)``: expand presets, look architectures up, decide the runs, and refuse what cannot work."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain

from kdcore.spec.advice import warnings_of
from kdcore.spec.base import Problem, SpecError, pointer, suggestion
from kdcore.spec.brought import NOTHING, Brought
from kdcore.spec.caching import CachePlan, CacheRefused
from kdcore.spec.candidates import Proposal
from kdcore.spec.dataset_plan import DatasetPlan, dataset_plan
from kdcore.spec.datasets import UnknownDataset, dataset_info
from kdcore.spec.delivering import delivery_faults
from kdcore.spec.describing import PATHS_REFUSED, Describer, further_of
from kdcore.spec.estimate import estimate
from kdcore.spec.fitness import faults
from kdcore.spec.job import JobSpec
from kdcore.spec.licences import licence_faults, licences
from kdcore.spec.listening import kept_networks
from kdcore.spec.mixing import mixing_fault
from kdcore.spec.network_plans import NetworkPlans
from kdcore.spec.objective import MethodSpec, PresetRef, Stage
from kdcore.spec.others import Others
from kdcore.spec.plan import (
    STUDENT,
    TEACHER,
    MetricPlan,
    Plan,
    PlanWarning,
    RunPlan,
)
from kdcore.spec.presets import expand_preset
from kdcore.spec.runs import RunMaker
from kdcore.spec.sources import Source, sources
from kdcore.spec.stored import stored_faults, stored_warnings
from kdcore.spec.tasks import TaskInfo, task_info
from kdcore.spec.translation import translated


def plan(spec: JobSpec, *, allow_paths: bool = False, brought: Brought = NOTHING) -> Plan:
    """The plan of a job, made without torch and without opening a file.

    Args:
        spec: a validated spec.
        allow_paths: whether the spec may name files of this machine; the service never allows it.
        brought: cards of the datasets and models that the spec names by id, or of packs that it names by path.

    Raises:
        SpecError: every fault that can be known before the job runs.
    """
    return _Planner(spec, allow_paths, brought).plan()


@dataclass
class _Planner:
    spec: JobSpec
    allow_paths: bool
    brought: Brought
    problems: list[Problem] = field(default_factory=list)
    warnings: list[PlanWarning] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    auto: Proposal | None = None

    def plan(self) -> Plan:
        self._check_paths()
        dataset = self._dataset()
        self.sources = sources(self.spec, self.brought, self.problems)
        method = self._method(task_info("classification") if dataset is None else dataset.info)
        self._stop_if_wrong()
        assert dataset is not None
        assert method is not None
        others = self._others(dataset, method)
        self._stop_if_wrong()
        others.declare(method.networks)
        self.problems += others.problems
        self.problems += faults(self.spec, dataset)
        self._check_method(method, others)
        self._stop_if_wrong()
        runs = self._runs(method, dataset, others)
        self._stop_if_wrong()
        kept = self._kept(runs, dataset, others)
        self._stop_if_wrong()
        planned = NetworkPlans(self.spec, self.sources, others, dataset).all()
        self.problems += delivery_faults(self.spec, planned, method.delivers)
        licensed = licences(self.spec, {name: one.card for name, one in self.sources.items()}, self.brought)
        self.problems += licence_faults(self.spec, licensed)
        self._stop_if_wrong()
        self.warnings += warnings_of(self.spec, method, dataset, others.networks, runs, licensed)
        self.warnings += [warning for source in self.sources.values() for warning in source.warnings(dataset)]
        self.warnings += stored_warnings(planned, runs)
        return Plan(
            name=self.spec.name,
            method=self._method_name(),
            spec=self.spec,
            dataset=dataset,
            metric=MetricPlan.of(dataset.info.metric),
            networks=planned,
            auto=self.auto,
            paths={name: path for name, path in others.paths.items() if _takes_part(name, runs)},
            delivers=method.delivers,
            runs=runs,
            kept=kept,
            deliver=self.spec.deliver,
            licences=licensed,
            warnings=tuple(self.warnings),
            estimate=estimate(planned, runs, list(chain.from_iterable(kept)), self.spec.resources.device),
            resource_class=self.spec.resources.worker_class,
        )

    def _stored(self) -> set[str]:
        """Networks that are tables of outputs."""
        trees = {TEACHER} if self.spec.teacher is not None and self.spec.teacher.trees is not None else set()
        return trees | {name for name, one in self.sources.items() if one.card.kind == "outputs"}

    def _problem(self, at: str, code: str, message: str) -> None:
        self.problems.append(Problem(pointer=at, code=code, message=message))

    def _stop_if_wrong(self) -> None:
        if self.problems:
            raise SpecError(self.problems)

    def _method_name(self) -> str:
        return self.spec.method.preset if isinstance(self.spec.method, PresetRef) else "custom"

    def _check_paths(self) -> None:
        if self.allow_paths:
            return
        if self.spec.dataset.path is not None:
            self._problem("/dataset/path", "path_refused", f"{PATHS_REFUSED} (got {self.spec.dataset.path!r})")
        teacher, init = self.spec.teacher, self.spec.student.init
        files = {
            "/teacher/weights": None if teacher is None else teacher.weights,
            "/teacher/path": None if teacher is None else teacher.path,
            "/student/init/path": None if init is None else init.path,
        }
        for at, named in files.items():
            if named is not None:
                self._problem(at, "path_refused", f"{PATHS_REFUSED} (got {named!r})")

    def _dataset(self) -> DatasetPlan | None:
        asked = self.spec.dataset
        if asked.key is not None:
            found = self.brought.datasets.get(asked.key)
            if found is None:
                at = "/dataset/id" if asked.id is not None else "/dataset/path"
                self._problem(at, "unknown_dataset", f"no dataset {asked.key!r} that is ready; list them first")
                return None
            return dataset_plan(asked, found)
        try:
            return dataset_plan(asked, dataset_info(asked.name or ""))
        except UnknownDataset as error:
            self._problem("/dataset/name", "unknown_dataset", str(error))
            return None

    def _method(self, task: TaskInfo) -> MethodSpec | None:
        """The objective, written out, for the dataset's task."""
        method = self.spec.method
        if isinstance(method, MethodSpec):
            return method
        try:
            return translated(
                expand_preset(method.preset, method.options, self.spec.training.epochs), method.preset, task
            )
        except SpecError as error:
            self.problems += error.problems
            return None

    def _check_method(self, method: MethodSpec, others: Others) -> None:
        """What the stages say about the job as a whole."""
        epochs, total = self.spec.training.epochs, sum(stage.epochs for stage in method.stages)
        if total != epochs:
            message = f"the stages' epochs sum to {total}, training.epochs is {epochs}: make them equal"
            self._problem("/training/epochs", "epochs_differ", message)
        listens = any(TEACHER in term.source for stage in method.stages for term in stage.terms)
        listens |= any(stage.generated_by is not None and stage.generated_by.by == TEACHER for stage in method.stages)
        under = {path.of for path in others.paths.values()} | {path.borrows for path in others.paths.values()}
        follows = {asked.follows for asked in others.further.values()}
        if self.spec.teacher is None and (listens or TEACHER in under | follows):
            message = f"method {self._method_name()!r} listens to a teacher: name one, and how it is trained"
            self._problem("/teacher", "teacher_missing", message)
        for stage in method.stages if self._stored() else ():
            self._check_writing(stage)
        through_student = {STUDENT, *(name for name, path in others.paths.items() if path.of == STUDENT)}
        if method.delivers not in through_student:
            message = "only the student or a path through it can be delivered"
            known = suggestion(method.delivers, through_student)
            self._problem("/method/delivers", "unknown_network", f"{message} (got {method.delivers!r}; {known})")

    def _check_writing(self, stage: Stage) -> None:
        """Stored outputs answer the dataset's examples alone: they write nothing, and say nothing of new texts."""
        if stage.generated_by is None:
            return
        asked = {name for term in stage.terms for name in term.source} | {stage.generated_by.by}
        for name in sorted(asked & self._stored()):
            message = f"stage {stage.name!r} learns from new texts, and {name!r} is a table of stored outputs"
            self._problem("/method", "stored_outputs", f"{message}: take word-kd, or a teacher with weights")

    def _others(self, dataset: DatasetPlan, method: MethodSpec) -> Others:
        """The networks that are described; the student may be chosen here."""
        describer = Describer(self.spec, self.allow_paths, self.sources, self.problems)
        described = describer.networks(dataset, method)
        self.spec, self.auto = describer.spec, describer.auto
        return Others(described, further=further_of(method))

    def _runs(self, method: MethodSpec, dataset: DatasetPlan, others: Others) -> tuple[RunPlan, ...]:
        found: list[Problem] = []
        try:
            runs = RunMaker(self.spec, method, dataset, others, found).runs()
        except SpecError as error:
            found += error.problems
            runs = ()
        written_out = isinstance(self.spec.method, MethodSpec)
        for problem in found:
            own = written_out or not problem.pointer.startswith("/method")
            self.problems.append(problem if own else _on_preset(problem, self.spec))
        if runs:
            self._check_taught(others, runs)
        self.problems += [fault for run in runs if (fault := mixing_fault(run)) is not None]
        self.problems += stored_faults(self._stored(), runs)
        return runs

    def _kept(
        self, runs: tuple[RunPlan, ...], dataset: DatasetPlan, others: Others
    ) -> tuple[tuple[CachePlan, ...], ...]:
        """What is decided about frozen networks' outputs, as far as it can be known without the networks."""
        try:
            return kept_networks(
                self.spec.training.cache,
                runs,
                samples=dataset.counts.train,
                num_classes=dataset.num_classes,
                paths=others.paths,
                stored=self._stored(),
            )
        except CacheRefused as error:
            self._problem("/training/cache/mode", "cache_refused", str(error))
            return ()

    def _check_taught(self, others: Others, runs: tuple[RunPlan, ...]) -> None:
        """A network that learns and that nothing teaches would speak noise."""
        main = runs[-1]
        heard = {name for stage in main.stages for term in stage.terms for name in term.speakers}
        for name in (*others.peers, *others.paths):
            if name in heard and name not in main.learners:
                message = f"terms follow {name!r}, but none teaches it: add terms with to: {name}"
                self._problem(pointer("method", "networks", name), "network_untaught", message)


def _takes_part(path: str, runs: tuple[RunPlan, ...]) -> bool:
    return any(path in (*run.learners, *run.needs) for run in runs)


def _on_preset(problem: Problem, spec: JobSpec) -> Problem:
    """A fault inside an expanded preset, pointed at the option that caused it where one holds the bad value."""
    assert isinstance(spec.method, PresetRef)
    for option, value in spec.method.options.items():
        if isinstance(value, str) and repr(value) in problem.message:
            return problem.model_copy(update={"pointer": pointer("method", option)})
    return problem.model_copy(update={"pointer": "/method"})
