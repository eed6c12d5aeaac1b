"""A job spec: who teaches whom, on what, how, and what is delivered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from kdcore.spec.base import JobName, Name, SpecError, Strict, problems_of
from kdcore.spec.caching import TeacherCache
from kdcore.spec.named import PresetRef
from kdcore.spec.networks import Further, Network, Options, PathNetwork, Peer
from kdcore.spec.objective import Guard, Method, MethodSpec, Search, Stage, Term
from kdcore.spec.training import (
    Augment,
    Average,
    Checkpoints,
    EarlyStopping,
    LearningRateSchedule,
    Optimizer,
    RandAugment,
    Rollback,
    Sampler,
    TeacherTraining,
    Training,
)

Fraction = Annotated[float, Field(gt=0, lt=0.9)]


class Splits(Strict):
    """How the examples are divided; every split is drawn from ``seed``, and stratified where each has one class.

    Attributes:
        validation: share of the training examples held back for every choice made during training.
        test: share cut off for the final measurement where the dataset has no official test split.
        seed: what the draw depends on; not the training seed, so that runs of several seeds share their splits.
    """

    validation: Fraction = 0.1
    test: Fraction = 0.2
    seed: int = Field(default=0, ge=0, lt=2**31)


class DatasetRef(Strict):
    """The dataset of a job: a built-in one by ``name``, or one that was brought, by ``id``.

    Attributes:
        name: a built-in dataset.
        id: a dataset of the project.
        version: of the dataset; the newest that is ready when left out, and the plan says which that was.
        path: for ``python -m kdcore`` alone: the folder that torchvision's reader finds a built-in dataset in, or,
            without a name, the folder of a pack.
        splits: how the examples are divided, as far as the dataset's own splits leave it open.
        limit: use only so many training examples (stratified), for a pilot.
    """

    name: Name | None = None
    id: Name | None = None
    version: int | None = Field(default=None, ge=1)
    path: str | None = None
    splits: Splits = Splits()
    limit: int | None = Field(default=None, ge=20)

    @model_validator(mode="after")
    def _one_dataset(self) -> Self:
        if self.name is not None and self.id is not None:
            raise ValueError("a built-in dataset has a name, one of the project an id: give one of the two")
        if self.name is None and self.id is None and self.path is None:
            raise ValueError("name a built-in dataset, or the id of one of the project")
        if self.version is not None and self.id is None:
            raise ValueError("only a dataset with an id has versions")
        return self

    @property
    def key(self) -> str | None:
        """By which a brought dataset is known; None for a built-in one."""
        return self.id if self.id is not None else self.path if self.name is None else None


class Gate(Strict):
    """What a given teacher must show on the validation split before anybody listens to it.

    Attributes:
        at_least: value of the task's deciding figure (at most, where less is better); when left out, what answers
            without looking would reach: the commonest class, or the mean.
        action: ``warn`` and go on, or ``refuse`` the job.
    """

    at_least: float | None = None
    action: Literal["warn", "refuse"] = "warn"


class Trees(Strict):
    """Gradient-boosted trees (scikit-learn's HistGradientBoosting) trained in the job, for tables and short series.

    Attributes:
        iterations: trees of each class or value.
        depth: of a tree; unbounded when left out.
        learning_rate: factor on each tree.
        leaves: of a tree, at most.
    """

    iterations: int = Field(default=200, ge=1, le=10_000)
    depth: int | None = Field(default=None, ge=1, le=100)
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    leaves: int = Field(default=31, ge=2, le=1000)


class ModelRef(Strict):
    """A model that was brought.

    Attributes:
        id: of the project's registry.
        version: of the model; the newest that is ready when left out, and the plan says which that was. ``alias`` names
            one that its users keep pointed at a version, such as ``champion``.
        path: for ``python -m kdcore`` alone: a folder that ``kdcore.bring.model`` has left.
    """

    id: Name | None = None
    version: int | None = Field(default=None, ge=1)
    alias: Name | None = None
    path: str | None = None

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if (self.id is None) == (self.path is None):
            raise ValueError("name a model of the project by its id")
        if self.version is not None and self.alias is not None:
            raise ValueError("version and alias both choose a version: give one of them")
        return self

    @property
    def key(self) -> str:
        """By which `kdcore.spec.brought.Brought` knows it."""
        return model_key(self.id, self.version, self.alias) if self.path is None else self.path


def model_key(id: str | None, version: int | None = None, alias: str | None = None) -> str:
    """``mdl_...``, ``mdl_.../3`` or ``mdl_...@champion``."""
    chosen = f"/{version}" if version is not None else f"@{alias}" if alias is not None else ""
    return f"{id}{chosen}"


class Teacher(Strict):
    """The network that is followed: trained in the job, or brought.

    Attributes:
        architecture, width, classes, options: as of any network.
        train: train it first, on all labels; a brought one goes on from its weights.
        weights: a safetensors file or a state dict saved by PyTorch; only for ``python -m kdcore``.
        id, version, alias, path: a model that was brought, instead of an architecture.
        trees: gradient-boosted trees instead of a network: a black box, of which nothing but outputs can be compared.
        gate: what a brought one, or trees, must show before anybody listens to it.
    """

    architecture: Name | None = None
    width: float | None = Field(default=None, gt=0, le=16)
    classes: int | None = Field(default=None, ge=2, le=100_000)
    options: Options = {}
    train: TeacherTraining | None = None
    weights: str | None = None
    id: Name | None = None
    version: int | None = Field(default=None, ge=1)
    alias: Name | None = None
    path: str | None = None
    trees: Trees | None = None
    gate: Gate = Gate()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = [name for name in ("architecture", "id", "path", "trees") if getattr(self, name) is not None]
        if len(sources) != 1:
            raise ValueError("name the teacher's architecture, a model of the project by its id, or trees: one of them")
        if self.trees is not None and self.train is not None:
            raise ValueError("trees are trained by their own options: leave train out")
        if self.architecture is None and (self.options or self.weights or self.width or self.classes):
            raise ValueError("a brought model has its own architecture, options and weights: leave them out")
        if self.architecture is not None and (self.version is not None or self.alias is not None):
            raise ValueError("only a model with an id has versions")
        if self.version is not None and self.alias is not None:
            raise ValueError("version and alias both choose a version: give one of them")
        return self

    @property
    def model(self) -> ModelRef | None:
        """The brought model that it is."""
        if self.architecture is not None or self.trees is not None:
            return None
        return ModelRef(id=self.id, version=self.version, alias=self.alias, path=self.path)

    @property
    def network(self) -> Network | None:
        """The network by architecture that it is."""
        if self.architecture is None:
            return None
        return Network(architecture=self.architecture, width=self.width, classes=self.classes, options=self.options)


class CopyOf(Strict):
    """The student's initial layers taken from the teacher; the rest keeps its random weights.

    Attributes:
        layers: which teacher block each student block is copied from: ``forward`` (the map that matching uses),
            ``reverse``, ``spread`` (first to first, last to last), or ``random``.
        seed: of ``random``.
    """

    layers: Literal["forward", "reverse", "spread", "random"] = "forward"
    seed: int = Field(default=0, ge=0, lt=2**31)


class Auto(Strict):
    """A budget within which the planner chooses the student from the catalogue.

    Attributes:
        params_at_most: trainable numbers.
        bytes_at_most: of the weights as float32, four each.
        latency_ms_at_most: of one input on a CPU, as estimated from multiply-accumulates.
    """

    params_at_most: int | None = Field(default=None, ge=1)
    bytes_at_most: int | None = Field(default=None, ge=1)
    latency_ms_at_most: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _some_budget(self) -> Self:
        if self.params_at_most is None and self.bytes_at_most is None and self.latency_ms_at_most is None:
            raise ValueError("say what the student may cost: params_at_most, bytes_at_most or latency_ms_at_most")
        return self


class Student(Network):
    """The network that learns and is delivered.

    Attributes:
        architecture: left out with ``auto``, which chooses one.
        auto: a budget to choose within; the plan shows what was chosen, from what, and why.
        init: begin with the weights of a brought model of the same architecture; a classifier of another size begins
            anew.
        labels: how many labels its runs may see (stratified); all when left out. The pictures are all used: the
            teacher speaks about every one, and the student alone trains on the labelled ones for as many steps.
        copy_of: begin as a copy of some of the teacher's layers (spelt ``copy``), with or without distillation.
    """

    architecture: Name = ""
    auto: Auto | None = None
    init: ModelRef | None = None
    labels: int | None = Field(default=None, ge=2)
    copy_of: CopyOf | None = Field(default=None, alias="copy")

    @model_validator(mode="after")
    def _one_student(self) -> Self:
        if not self.architecture and self.auto is None:
            raise ValueError("name the student's architecture, or give auto: {params_at_most: ...} to have one chosen")
        if not self.architecture and (self.init is not None or self.width is not None or self.options):
            raise ValueError("width, options and initial weights belong to an architecture: name it, or leave them out")
        return self


class Resources(Strict):
    """What the job runs on.

    Attributes:
        device: ``auto`` takes a GPU where the worker has one.
        threads: CPU threads of the engine, of all its processes together; the worker's choice when left out.
        processes: how many train together, each on its part of every batch; one for each GPU, where they run on GPUs.
        memory_gb: memory of the device (10^9 bytes) that the training pictures may take; more are streamed from a file
            of the working folder, in the same order and with the same changes. Half of what is free when left out.
        readers: processes that read streamed pictures ahead; they change no picture.
        needs_gb: memory (10^9 bytes) that the worker must have: its GPU's where ``device`` is cuda, else its machine's.
        hours: the job ends as failed when its engines have worked for so long, over all its attempts; its last
            checkpoint is kept, and a retry goes on from there.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = Field(default=None, ge=1, le=256)
    processes: int = Field(default=1, ge=1, le=256)
    memory_gb: float | None = Field(default=None, ge=0)
    readers: int = Field(default=0, ge=0, le=64)
    needs_gb: float | None = Field(default=None, gt=0, le=256)
    hours: float | None = Field(default=None, gt=0, le=8760)

    @property
    def worker_class(self) -> str:
        """The class of workers that the job waits for: ``cpu`` or ``gpu``, and beyond 8 GB the memory, rounded up to a
        power of two: ``cpu-32g``."""
        base = "gpu" if self.device == "cuda" else "cpu"
        if self.needs_gb is None or self.needs_gb <= 8:
            return base
        return f"{base}-{2 ** math.ceil(math.log2(self.needs_gb))}g"


Format = Literal["safetensors", "onnx", "onnx-fp16", "onnx-int8", "torch-export", "huggingface"]


LabelKey = Annotated[str, Field(max_length=63)]
LabelValue = Annotated[str, Field(max_length=200)]
MAX_LABELS = 32
Priority = Annotated[int, Field(ge=-100, le=100)]


class JobSpec(Strict):
    """What a user asks for. Unknown fields are refused; what is left out has the default shown.

    Attributes:
        name: shown everywhere; need not be unique.
        dataset, teacher, student, method, training, resources: see there.
        baseline: also train the student alone with the same budget: the honest comparison.
        deliver: formats of the compressed student: ``safetensors`` (always among them, with a loader that needs PyTorch
            alone), ``onnx``, ``onnx-fp16``, ``onnx-int8``, ``torch-export`` (a ``.pt2`` to download, never taken back)
            and, of text encoders, ``huggingface`` (a folder for transformers).
        permission: who allows the student to be handed out, where a licence of teacher or data forbids derivatives; it
            is recorded in the proof.
        labels: the user's own tags, to find the job by.
        priority: higher runs first within the project.
    """

    name: JobName
    dataset: DatasetRef
    teacher: Teacher | None = None
    student: Student
    method: Method = PresetRef(preset="hinton")
    training: Training = Training()
    baseline: bool = True
    deliver: tuple[Format, ...] = ("safetensors", "onnx")
    permission: str | None = Field(default=None, min_length=10, max_length=1000)
    resources: Resources = Resources()
    labels: dict[LabelKey, LabelValue] = Field(default={}, max_length=MAX_LABELS)
    priority: Priority = 0

    @field_validator("deliver", mode="after")
    @classmethod
    def _weights_always(cls, value: tuple[Format, ...]) -> tuple[Format, ...]:
        return tuple(dict.fromkeys(("safetensors", *value)))


def parse_spec(data: Mapping[str, Any]) -> JobSpec:
    """A validated spec from decoded JSON or YAML.

    Raises:
        SpecError: every fault found, with a JSON pointer each.
    """
    try:
        return JobSpec.model_validate(data)
    except ValidationError as error:
        raise SpecError(problems_of(error, _FIELDS)) from None


def _field_names(model: type[Strict]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


_FIELDS = sorted(
    set().union(
        *(
            _field_names(model)
            for model in (
                JobSpec, DatasetRef, Splits, Teacher, Gate, Trees, ModelRef, TeacherTraining, Student, Auto, CopyOf,
                Training, Optimizer, LearningRateSchedule, Average, EarlyStopping, Augment, RandAugment, TeacherCache,
                Checkpoints, Sampler, Rollback, Resources, PathNetwork, Peer, Further, MethodSpec, Stage, Search,
                Guard, Term,
            )
        )
    )
)  # fmt: skip
