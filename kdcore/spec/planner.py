"""``plan(spec)``: expand presets, look architectures up, decide the runs, and refuse what cannot work."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from kdcore.spec.advice import warnings_of
from kdcore.spec.base import Problem, SpecError, pointer, suggestion
from kdcore.spec.caching import CachePlan, CacheRefused
from kdcore.spec.catalogue import (
    BadOption,
    Description,
    InputTooSmall,
    UnknownArchitecture,
    architecture_info,
    describe,
)
from kdcore.spec.datasets import DatasetInfo, UnknownDataset, dataset_info
from kdcore.spec.estimate import estimate
from kdcore.spec.job import JobSpec
from kdcore.spec.listening import kept_networks
from kdcore.spec.mixing import mixing_fault
from kdcore.spec.networks import Further, Network
from kdcore.spec.objective import MethodSpec, PresetRef
from kdcore.spec.others import Others
from kdcore.spec.plan import (
    STUDENT,
    TEACHER,
    DatasetPlan,
    NetworkPlan,
    Plan,
    PlanWarning,
    RunPlan,
    dataset_plan,
)
from kdcore.spec.presets import expand_preset
from kdcore.spec.runs import RunMaker
from kdcore.spec.training import TeacherTraining

PATHS_REFUSED = "paths are for 'python -m kdcore' only; the service reads its own data folder"


def plan(spec: JobSpec, *, allow_paths: bool = False) -> Plan:
    """The plan of a job, made without torch and without opening a file.

    Args:
        spec: a validated spec.
        allow_paths: whether the spec may name files of this machine; the service never allows it.

    Raises:
        SpecError: every fault that can be known before the job runs.
    """
    return _Planner(spec, allow_paths).plan()


@dataclass
class _Planner:
    spec: JobSpec
    allow_paths: bool
    problems: list[Problem] = field(default_factory=list)
    warnings: list[PlanWarning] = field(default_factory=list)

    def plan(self) -> Plan:
        self._check_paths()
        info = self._dataset()
        method = self._method()
        self._stop_if_wrong()
        assert info is not None
        assert method is not None
        others = Others(self._networks(info, method), further=_further(method))
        self._stop_if_wrong()
        others.declare(method.networks)
        self.problems += others.problems
        dataset = dataset_plan(self.spec.dataset, info)
        self._check_sizes(dataset)
        self._check_method(method, others)
        self._stop_if_wrong()
        runs = self._runs(method, dataset, others)
        self._stop_if_wrong()
        kept = self._kept(runs, dataset, others)
        self._stop_if_wrong()
        planned = {name: self._network_plan(name, method, others, info) for name in self._built(others)}
        self.warnings += warnings_of(self.spec, method, dataset, others.networks, runs)
        return Plan(
            name=self.spec.name,
            method=self._method_name(),
            spec=self.spec,
            dataset=dataset,
            networks=planned,
            paths={name: path for name, path in others.paths.items() if _takes_part(name, runs)},
            delivers=method.delivers,
            runs=runs,
            kept=kept,
            deliver=self.spec.deliver,
            warnings=tuple(self.warnings),
            estimate=estimate(planned, runs, list(chain.from_iterable(kept)), self.spec.resources.device),
            resource_class=self.spec.resources.worker_class,
        )

    def _built(self, others: Others) -> list[str]:
        """The networks of the job that have weights of their own; paths are built from them."""
        return [name for name in others.networks if name not in others.paths]

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
        if self.spec.teacher is not None and self.spec.teacher.weights is not None:
            self._problem("/teacher/weights", "path_refused", f"{PATHS_REFUSED} (got {self.spec.teacher.weights!r})")

    def _dataset(self) -> DatasetInfo | None:
        try:
            return dataset_info(self.spec.dataset.name)
        except UnknownDataset as error:
            self._problem("/dataset/name", "unknown_dataset", str(error))
            return None

    def _method(self) -> MethodSpec | None:
        """The objective, written out."""
        method = self.spec.method
        if isinstance(method, MethodSpec):
            return method
        try:
            return expand_preset(method.preset, method.options, self.spec.training.epochs)
        except SpecError as error:
            self.problems += error.problems
            return None

    def _networks(self, info: DatasetInfo, method: MethodSpec) -> dict[str, Description]:
        """Teacher, student, and the further networks of the method."""
        found = {STUDENT: self._describe(pointer(STUDENT), self.spec.student, info)}
        if self.spec.teacher is not None:
            found[TEACHER] = self._describe(pointer(TEACHER), self.spec.teacher, info)
            self._check_source(pointer(TEACHER), self.spec.teacher.train, self.spec.teacher.weights)
        for name, asked in _further(method).items():
            at = pointer("method", "networks", name)
            self._check_source(at, asked.train, asked.weights)
            found[name] = self._describe_further(name, asked, found, method, info, at)
        return {name: network for name, network in found.items() if network is not None}

    def _describe_further(
        self,
        name: str,
        asked: Further,
        found: dict[str, Description | None],
        method: MethodSpec,
        info: DatasetInfo,
        at: str,
    ) -> Description | None:
        if (asked.architecture is None) == (asked.like is None):
            message = "name either an architecture, or with 'like' the network whose architecture it has"
            self._problem(at, "invalid_value", message)
            return None
        if asked.follows is not None and asked.follows not in (TEACHER, *_earlier(name, method)):
            message = f"{asked.follows!r} does not come before {name!r}: follow teacher or a network declared earlier"
            self._problem(at + pointer("follows"), "unknown_network", message)
        if asked.like is not None:
            if asked.like not in found:
                message = f"no network {asked.like!r} here; {suggestion(asked.like, found)}"
                self._problem(at + pointer("like"), "unknown_network", message)
            return found.get(asked.like)
        return self._describe(at, _as_network(asked), info)

    def _describe(self, at: str, network: Network, info: DatasetInfo) -> Description | None:
        classes = network.classes or info.num_classes
        if classes != info.num_classes:
            message = (
                f"{classes} classes, but dataset {info.name!r} has {info.num_classes}: "
                "leave 'classes' out or choose another dataset"
            )
            self._problem(at + pointer("classes"), "class_count_differs", message)
        options = _chosen(network)
        try:
            return describe(network.architecture, num_classes=classes, input_shape=info.input_shape, **options)
        except UnknownArchitecture as error:
            self._problem(at + pointer("architecture"), "unknown_architecture", str(error))
        except BadOption as error:
            place = ("options", error.option) if error.option in network.options else (error.option,)
            self._problem(at + pointer(*place), "invalid_value", str(error))
        except InputTooSmall as error:
            self._problem(at + pointer("architecture"), "input_too_small", str(error))
        return None

    def _check_source(self, at: str, train: TeacherTraining | None, weights: str | None) -> None:
        """A network that speaks is either trained in the job or given."""
        who = at.rpartition("/")[2]
        if train is None and weights is None:
            message = f"the {who} is neither trained nor given: add train: {{epochs: ...}}"
            self._problem(at + pointer("train"), "teacher_untrained", message)
        if train is not None and weights is not None:
            self._problem(at + pointer("weights"), "teacher_twice", "give either 'train' or 'weights', not both")
        if weights is not None and not self.allow_paths and at != pointer(TEACHER):
            self._problem(at + pointer("weights"), "path_refused", f"{PATHS_REFUSED} (got {weights!r})")

    def _check_sizes(self, dataset: DatasetPlan) -> None:
        labels, train = self.spec.student.labels, dataset.counts.train
        if labels is not None and not dataset.num_classes <= labels <= train:
            message = f"must lie between the {dataset.num_classes} classes and the {train} training pictures"
            self._problem("/student/labels", "invalid_value", f"{message} (got {labels})")
        sampler = self.spec.training.sampler
        if sampler is not None and sampler.makes not in (None, self.spec.training.batch_size):
            message = f"{sampler.classes} classes times {sampler.per_class} are {sampler.makes}, batch_size is"
            remedy = f"{self.spec.training.batch_size}: match them"
            self._problem("/training/sampler", "batch_differs", f"{message} {remedy}")
        if sampler is not None and sampler.classes is not None and sampler.classes > dataset.num_classes:
            message = f"the dataset has {dataset.num_classes} classes (got {sampler.classes})"
            self._problem("/training/sampler/classes", "invalid_value", message)
        if self.spec.training.batch_size % self.spec.training.accumulate:
            message = f"must divide batch_size {self.spec.training.batch_size} (got {self.spec.training.accumulate})"
            self._problem("/training/accumulate", "invalid_value", message)
        processes = self.spec.resources.processes
        if processes > 1 and self.spec.training.batch_size % (processes * self.spec.training.accumulate):
            size, parts = self.spec.training.batch_size, processes * self.spec.training.accumulate
            message = f"training.batch_size {size} cannot be shared equally: take one that {parts} divides"
            self._problem("/resources/processes", "batch_not_shared", f"{message} (got {processes} processes)")
        if processes > 1 and self.spec.training.compile == "on":
            message = "networks that several processes share are not compiled: take compile: auto or one process"
            self._problem("/training/compile", "not_with_processes", f"{message} (got {processes} processes)")
        if self.spec.training.batch_size > train:
            message = f"larger than the {train} training pictures (got {self.spec.training.batch_size})"
            self._problem("/training/batch_size", "batch_too_large", message)
        if dataset.counts.validation < dataset.num_classes:
            message = f"leaves {dataset.counts.validation} pictures for {dataset.num_classes} classes: raise it"
            self._problem("/dataset/splits/validation", "split_too_small", message)

    def _check_method(self, method: MethodSpec, others: Others) -> None:
        """What the stages say about the job as a whole."""
        epochs, total = self.spec.training.epochs, sum(stage.epochs for stage in method.stages)
        if total != epochs:
            message = f"the stages' epochs sum to {total}, training.epochs is {epochs}: make them equal"
            self._problem("/training/epochs", "epochs_differ", message)
        listens = any(TEACHER in term.source for stage in method.stages for term in stage.terms)
        under = {path.of for path in others.paths.values()} | {path.borrows for path in others.paths.values()}
        follows = {asked.follows for asked in others.further.values()}
        if self.spec.teacher is None and (listens or TEACHER in under | follows):
            message = f"method {self._method_name()!r} listens to a teacher: name one, and how it is trained"
            self._problem("/teacher", "teacher_missing", message)
        through_student = {STUDENT, *(name for name, path in others.paths.items() if path.of == STUDENT)}
        if method.delivers not in through_student:
            message = "only the student or a path through it can be delivered"
            known = suggestion(method.delivers, through_student)
            self._problem("/method/delivers", "unknown_network", f"{message} (got {method.delivers!r}; {known})")

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

    def _network_plan(self, name: str, method: MethodSpec, others: Others, info: DatasetInfo) -> NetworkPlan:
        described = others.networks[name]
        asked = self._asked(name, method, others)
        weights = self.spec.teacher.weights if name == TEACHER and self.spec.teacher is not None else None
        if name in others.further:
            weights = others.further[name].weights
        return NetworkPlan(
            architecture=asked.architecture,
            options=_build_options(asked, info),
            num_classes=info.num_classes,
            parameters=described.parameters,
            macs=described.macs,
            classifier=described.classifier,
            blocks=described.features,
            exact=described.exact,
            weights=weights,
        )

    def _asked(self, name: str, method: MethodSpec, others: Others) -> Network:
        """The architecture that a network has, its own or that of the one that it is like."""
        if name == STUDENT:
            return self.spec.student
        if name == TEACHER:
            assert self.spec.teacher is not None
            return self.spec.teacher
        if name in others.peers:
            return self._asked(others.peers[name], method, others)
        further = others.further[name]
        if further.like is not None:
            return self._asked(further.like, method, others)
        return _as_network(further)


def _further(method: MethodSpec) -> dict[str, Further]:
    return {name: network for name, network in method.networks.items() if isinstance(network, Further)}


def _as_network(asked: Further) -> Network:
    assert asked.architecture is not None
    return Network(architecture=asked.architecture, width=asked.width, classes=asked.classes, options=asked.options)


def _earlier(name: str, method: MethodSpec) -> list[str]:
    """Further networks that are declared before ``name``."""
    names = list(_further(method))
    return names[: names.index(name)]


def _takes_part(path: str, runs: tuple[RunPlan, ...]) -> bool:
    return any(path in (*run.learners, *run.needs) for run in runs)


def _on_preset(problem: Problem, spec: JobSpec) -> Problem:
    """A fault inside an expanded preset, pointed at the option that caused it where one holds the bad value."""
    assert isinstance(spec.method, PresetRef)
    for option, value in spec.method.options.items():
        if isinstance(value, str) and repr(value) in problem.message:
            return problem.model_copy(update={"pointer": pointer("method", option)})
    return problem.model_copy(update={"pointer": "/method"})


def _build_options(asked: Network, info: DatasetInfo) -> dict[str, Any]:
    """The width that was asked for, and what the network's family takes from the pictures."""
    taken = architecture_info(asked.architecture).options
    from_input = {"in_channels": info.input_shape[0], "image_size": info.input_shape[1]}
    options = {name: value for name, value in from_input.items() if name in taken}
    return {**options, **_chosen(asked)}


def _chosen(asked: Network) -> dict[str, Any]:
    """The options that a spec names."""
    return dict(asked.options) if asked.width is None else {**asked.options, "width": asked.width}
