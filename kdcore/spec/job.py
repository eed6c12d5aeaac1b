"""A job spec: who teaches whom, on what, how, and what is delivered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from kdcore.spec.base import JobName, Name, SpecError, Strict, problems_of
from kdcore.spec.caching import TeacherCache
from kdcore.spec.named import PresetRef
from kdcore.spec.networks import Further, Network, PathNetwork, Peer
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
    """How the pictures are divided; every split is stratified by label and drawn from ``seed``.

    Attributes:
        validation: share of the training pictures held back for every choice made during training.
        test: share cut off for the final measurement where the dataset has no official test split.
        seed: what the draw depends on; not the training seed, so that runs of several seeds share their splits.
    """

    validation: Fraction = 0.1
    test: Fraction = 0.2
    seed: int = Field(default=0, ge=0, lt=2**31)


class DatasetRef(Strict):
    """The dataset of a job.

    Attributes:
        name: a built-in dataset.
        path: folder that torchvision's reader finds it in; only for ``python -m kdcore``, the service has its own.
        splits: how the pictures are divided.
        limit: use only so many training pictures (stratified), for a pilot.
    """

    name: Name
    path: str | None = None
    splits: Splits = Splits()
    limit: int | None = Field(default=None, ge=20)


class Teacher(Network):
    """The network that is followed: trained in the job, or brought as weights.

    Attributes:
        train: train it first, on all labels.
        weights: a safetensors file or a state dict saved by PyTorch; only for ``python -m kdcore``.
    """

    train: TeacherTraining | None = None
    weights: str | None = None


class CopyOf(Strict):
    """The student's initial layers taken from the teacher; the rest keeps its random weights.

    Attributes:
        layers: which teacher block each student block is copied from: ``forward`` (the map that matching uses),
            ``reverse``, ``spread`` (first to first, last to last), or ``random``.
        seed: of ``random``.
    """

    layers: Literal["forward", "reverse", "spread", "random"] = "forward"
    seed: int = Field(default=0, ge=0, lt=2**31)


class Student(Network):
    """The network that learns and is delivered.

    Attributes:
        labels: how many labels its runs may see (stratified); all when left out. The pictures are all used: the
            teacher speaks about every one, and the student alone trains on the labelled ones for as many steps.
        copy_of: begin as a copy of some of the teacher's layers (spelt ``copy``), with or without distillation.
    """

    labels: int | None = Field(default=None, ge=2)
    copy_of: CopyOf | None = Field(default=None, alias="copy")


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


Format = Literal["safetensors", "onnx", "onnx-int8"]


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
        deliver: formats of the compressed student; safetensors is always among them.
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
                JobSpec, DatasetRef, Splits, Teacher, TeacherTraining, Student, CopyOf, Training, Optimizer,
                LearningRateSchedule, Average, EarlyStopping, Augment, RandAugment, TeacherCache, Checkpoints, Sampler,
                Rollback, Resources, PathNetwork, Peer, Further, MethodSpec, Stage, Search, Guard, Term,
            )
        )
    )
)  # fmt: skip
