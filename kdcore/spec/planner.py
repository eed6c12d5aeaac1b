"""``plan(spec)``: expand presets, look architectures up, decide the runs, and refuse what cannot work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kdcore.spec.base import Problem, SpecError, pointer
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
from kdcore.spec.job import JobSpec, Network, Student, Teacher, Training
from kdcore.spec.objective import MethodSpec, PresetRef
from kdcore.spec.plan import (
    STUDENT,
    TEACHER,
    DatasetPlan,
    NetworkPlan,
    Plan,
    PlanWarning,
    RunPlan,
    StagePlan,
    dataset_plan,
)
from kdcore.spec.presets import expand_preset
from kdcore.spec.terms import TermPlanner

ALONE = "student-alone"


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
        self._stop_if_wrong()
        assert info is not None
        networks = self._networks(info)
        self._stop_if_wrong()
        dataset = dataset_plan(self.spec.dataset, info)
        self._check_sizes(dataset)
        runs = self._runs(dataset, networks)
        self._stop_if_wrong()
        self._warn(networks, runs)
        planned = {name: _network_plan(self.spec, name, network, info) for name, network in networks.items()}
        return Plan(
            name=self.spec.name,
            method=self._method_name(),
            spec=self.spec,
            dataset=dataset,
            networks=planned,
            runs=runs,
            deliver=self.spec.deliver,
            warnings=tuple(self.warnings),
            estimate=estimate(planned, runs, self.spec.resources.device),
            resource_class="gpu" if self.spec.resources.device == "cuda" else "cpu",
        )

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
        remedy = "paths are for 'python -m kdcore' only; the service reads its own data folder"
        if self.spec.dataset.path is not None:
            self._problem("/dataset/path", "path_refused", f"{remedy} (got {self.spec.dataset.path!r})")
        if self.spec.teacher is not None and self.spec.teacher.weights is not None:
            self._problem("/teacher/weights", "path_refused", f"{remedy} (got {self.spec.teacher.weights!r})")

    def _dataset(self) -> DatasetInfo | None:
        try:
            return dataset_info(self.spec.dataset.name)
        except UnknownDataset as error:
            self._problem("/dataset/name", "unknown_dataset", str(error))
            return None

    def _networks(self, info: DatasetInfo) -> dict[str, Description]:
        found = {STUDENT: self._describe(STUDENT, self.spec.student, info)}
        if self.spec.teacher is not None:
            found[TEACHER] = self._describe(TEACHER, self.spec.teacher, info)
            self._check_teacher(self.spec.teacher)
        return {name: network for name, network in found.items() if network is not None}

    def _describe(self, role: str, network: Network, info: DatasetInfo) -> Description | None:
        classes = network.classes or info.num_classes
        if classes != info.num_classes:
            message = (
                f"{classes} classes, but dataset {info.name!r} has {info.num_classes}: "
                "leave 'classes' out or choose another dataset"
            )
            self._problem(pointer(role, "classes"), "class_count_differs", message)
        options = {} if network.width is None else {"width": network.width}
        try:
            return describe(network.architecture, num_classes=classes, input_shape=info.input_shape, **options)
        except UnknownArchitecture as error:
            self._problem(pointer(role, "architecture"), "unknown_architecture", str(error))
        except BadOption as error:
            self._problem(pointer(role, error.option), "invalid_value", str(error))
        except InputTooSmall as error:
            self._problem(pointer(role, "architecture"), "input_too_small", str(error))
        return None

    def _check_teacher(self, teacher: Teacher) -> None:
        if teacher.train is None and teacher.weights is None:
            self._problem(
                "/teacher/train",
                "teacher_untrained",
                "the teacher is neither trained nor given: add train: {epochs: ...}",
            )
        if teacher.train is not None and teacher.weights is not None:
            self._problem("/teacher/weights", "teacher_twice", "give either 'train' or 'weights', not both")

    def _check_sizes(self, dataset: DatasetPlan) -> None:
        labels, train = self.spec.student.labels, dataset.counts.train
        if labels is not None and not dataset.num_classes <= labels <= train:
            message = f"must lie between the {dataset.num_classes} classes and the {train} training pictures"
            self._problem("/student/labels", "invalid_value", f"{message} (got {labels})")
        if self.spec.training.batch_size > train:
            message = f"larger than the {train} training pictures (got {self.spec.training.batch_size})"
            self._problem("/training/batch_size", "batch_too_large", message)
        if dataset.counts.validation < dataset.num_classes:
            message = f"leaves {dataset.counts.validation} pictures for {dataset.num_classes} classes: raise it"
            self._problem("/dataset/splits/validation", "split_too_small", message)

    def _stages(self, networks: dict[str, Description]) -> tuple[StagePlan, ...]:
        method, epochs = self.spec.method, self.spec.training.epochs
        written_out = isinstance(method, MethodSpec)
        if isinstance(method, PresetRef):
            method = expand_preset(method.preset, method.options, epochs)
        total = sum(stage.epochs for stage in method.stages)
        if total != epochs:
            message = f"the stages' epochs sum to {total}, training.epochs is {epochs}: make them equal"
            self._problem("/training/epochs", "epochs_differ", message)
        if self.spec.teacher is None and any(term.source == TEACHER for s in method.stages for term in s.terms):
            message = f"method {self._method_name()!r} listens to a teacher: name one, and how it is trained"
            self._problem("/teacher", "teacher_missing", message)
            return ()
        planner = TermPlanner(networks)
        stages = planner.method(method, "/method")
        self.problems += [p if written_out else _on_preset(p, self.spec) for p in planner.problems]
        return stages

    def _runs(self, dataset: DatasetPlan, networks: dict[str, Description]) -> tuple[RunPlan, ...]:
        stages = self._stages(networks)
        taught = any(term.source == TEACHER for stage in stages for term in stage.terms)
        runs = []
        if taught and self.spec.teacher is not None and self.spec.teacher.train is not None:
            runs.append(self._teacher_run(dataset, networks))
        if taught and self.spec.baseline:
            runs.append(self._student_run("alone", dataset, self._alone(networks, self.spec.training.epochs)))
        runs.append(self._student_run("distil", dataset, stages))
        return tuple(runs)

    def _alone(self, networks: dict[str, Description], epochs: int) -> tuple[StagePlan, ...]:
        return TermPlanner(networks).method(expand_preset(ALONE, {}, epochs), "/baseline")

    def _teacher_run(self, dataset: DatasetPlan, networks: dict[str, Description]) -> RunPlan:
        assert self.spec.teacher is not None
        train = self.spec.teacher.train
        assert train is not None
        changes = {name: value for name, value in dict(train).items() if value is not None}
        training = _with_flip(self.spec.training.model_copy(update=changes), dataset)
        own = {STUDENT: networks[TEACHER]}
        return RunPlan(
            name=TEACHER,
            phase="teacher",
            learners=(TEACHER,),
            needs=(),
            stages=tuple(_learned_by(TEACHER, stage) for stage in self._alone(own, train.epochs)),
            training=training,
            sample="all",
            labels=None,
            steps_per_epoch=dataset.counts.train // training.batch_size,
        )

    def _student_run(self, name: str, dataset: DatasetPlan, stages: tuple[StagePlan, ...]) -> RunPlan:
        student: Student = self.spec.student
        only_labels = all(term.source == "labels" for stage in stages for term in stage.terms)
        taught = any(term.source == TEACHER for stage in stages for term in stage.terms)
        return RunPlan(
            name=name,
            phase="train",
            learners=(STUDENT,),
            needs=(TEACHER,) if taught else (),
            stages=stages,
            training=_with_flip(self.spec.training, dataset),
            sample="labelled" if only_labels and student.labels else "all",
            labels=student.labels,
            steps_per_epoch=dataset.counts.train // self.spec.training.batch_size,
        )

    def _warn(self, networks: dict[str, Description], runs: tuple[RunPlan, ...]) -> None:
        def warn(code: str, at: str, message: str) -> None:
            self.warnings.append(PlanWarning(code=code, pointer=at, message=message))

        student, teacher = networks[STUDENT], networks.get(TEACHER)
        if teacher is not None and student.parameters >= teacher.parameters:
            warn(
                "student_not_smaller",
                "/student",
                f"the student has {student.parameters:,} parameters, the teacher {teacher.parameters:,}: "
                "nothing is compressed; choose a smaller student",
            )
        if teacher is not None and not any(TEACHER in run.needs for run in runs):
            warn("teacher_unused", "/teacher", f"method {self._method_name()!r} never listens to the teacher")


def _on_preset(problem: Problem, spec: JobSpec) -> Problem:
    """A fault inside an expanded preset, pointed at the option that caused it where one holds the bad value."""
    assert isinstance(spec.method, PresetRef)
    for option, value in spec.method.options.items():
        if isinstance(value, str) and repr(value) in problem.message:
            return problem.model_copy(update={"pointer": pointer("method", option)})
    return problem.model_copy(update={"pointer": "/method"})


def _learned_by(network: str, stage: StagePlan) -> StagePlan:
    """A student stage for another learner."""
    terms = tuple(term.model_copy(update={"to": network}) for term in stage.terms)
    balance = {network: next(iter(stage.balance.values()))}
    return stage.model_copy(update={"terms": terms, "balance": balance})


def _with_flip(training: Training, dataset: DatasetPlan) -> Training:
    augment = training.augment
    if augment.flip is None:
        augment = augment.model_copy(update={"flip": dataset_info(dataset.name).flip})
    return training.model_copy(update={"augment": augment})


def _build_options(asked: Network, info: DatasetInfo) -> dict[str, Any]:
    """The width that was asked for, and what the network's family takes from the pictures."""
    taken = architecture_info(asked.architecture).options
    from_input = {"in_channels": info.input_shape[0], "image_size": info.input_shape[1]}
    options = {name: value for name, value in from_input.items() if name in taken}
    return options if asked.width is None else {**options, "width": asked.width}


def _network_plan(spec: JobSpec, role: str, network: Description, info: DatasetInfo) -> NetworkPlan:
    asked: Network | None = spec.student if role == STUDENT else spec.teacher
    assert asked is not None
    return NetworkPlan(
        architecture=asked.architecture,
        options=_build_options(asked, info),
        num_classes=info.num_classes,
        parameters=network.parameters,
        macs=network.macs,
        classifier=network.classifier,
        exact=network.exact,
        weights=asked.weights if isinstance(asked, Teacher) else None,
    )
