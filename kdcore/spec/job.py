"""A job spec: who teaches whom, on what, how, and what is delivered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from kdcore.spec.base import Name, SpecError, Strict, problems_of
from kdcore.spec.objective import Method, PresetRef

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


class Optimizer(Strict):
    """The optimiser, in PyTorch's terms.

    Attributes:
        name: ``sgd`` or ``adamw``.
        lr: learning rate at the top of its schedule.
        momentum: of SGD.
        nesterov: Nesterov's form of SGD's momentum.
        weight_decay: L2 factor (decoupled for AdamW).
    """

    name: Literal["sgd", "adamw"] = "sgd"
    lr: float = Field(default=0.05, gt=0, le=100)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = True
    weight_decay: float = Field(default=5e-4, ge=0, le=10)


class LearningRateSchedule(Strict):
    """How the learning rate moves over the steps of one stage.

    Attributes:
        name: ``cosine`` to zero, ``step`` by 0.1 at 5/8, 3/4 and 7/8 of the stage, or ``constant``.
        warmup_epochs: epochs of linear growth from zero.
    """

    name: Literal["cosine", "step", "constant"] = "cosine"
    warmup_epochs: float = Field(default=1, ge=0)


class Augment(Strict):
    """Random changes of the training pictures, drawn anew each epoch for each picture.

    Attributes:
        shift: pixels that a picture may move in each direction; edges are filled with black.
        flip: mirror half of the pictures; the default is what the dataset allows.
    """

    shift: int = Field(default=0, ge=0, le=32)
    flip: bool | None = None


class Checkpoints(Strict):
    """How often the run is made safe.

    Attributes:
        every_seconds: time between checkpoints; one more is written at the end of each stage.
    """

    every_seconds: float = Field(default=30, gt=0)


class Training(Strict):
    """How every run of the job is trained.

    Attributes:
        epochs: passes over the training pictures for the student, the same with and without a teacher.
        batch_size: pictures a step.
        optimizer, schedule, augment, checkpoints: see there.
        precision: arithmetic of the forward passes; losses are always float32. ``auto`` is decided in ``prepare``.
        gradient_clip: largest gradient norm; none when left out.
        keep: ``best`` keeps the weights of the epoch with the best validation accuracy, ``last`` those of the last.
        deterministic: refuse operations whose result differs between two runs.
        seed: of initial weights, order and augmentation.
    """

    epochs: int = Field(default=20, ge=1, le=10_000)
    batch_size: int = Field(default=64, ge=2, le=65_536)
    optimizer: Optimizer = Optimizer()
    schedule: LearningRateSchedule = LearningRateSchedule()
    augment: Augment = Augment()
    checkpoints: Checkpoints = Checkpoints()
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    gradient_clip: float | None = Field(default=None, gt=0)
    keep: Literal["best", "last"] = "best"
    deterministic: bool = True
    seed: int = Field(default=0, ge=0, lt=2**31)


class TeacherTraining(Strict):
    """How a teacher is trained inside the job; what is left out is as in ``training``.

    Attributes:
        epochs: passes over all labelled training pictures.
        optimizer: its own optimiser.
        augment: its own augmentation.
    """

    epochs: int = Field(ge=1, le=10_000)
    optimizer: Optimizer | None = None
    augment: Augment | None = None


class Network(Strict):
    """A network by architecture.

    Attributes:
        architecture: name in the catalogue, such as ``resnet20`` or ``torchvision/mobilenet_v3_small``.
        width: factor on the channels, for families that have it.
        classes: number of outputs; the dataset's when left out.
    """

    architecture: Name
    width: float | None = Field(default=None, gt=0, le=16)
    classes: int | None = Field(default=None, ge=2, le=100_000)


class Teacher(Network):
    """The network that is followed: trained in the job, or brought as weights.

    Attributes:
        train: train it first, on all labels.
        weights: a safetensors file or a state dict saved by PyTorch; only for ``python -m kdcore``.
    """

    train: TeacherTraining | None = None
    weights: str | None = None


class Student(Network):
    """The network that learns and is delivered.

    Attributes:
        labels: how many labels its runs may see (stratified); all when left out. The pictures are all used: the
            teacher speaks about every one, and the student alone trains on the labelled ones for as many steps.
    """

    labels: int | None = Field(default=None, ge=2)


class Resources(Strict):
    """What the job runs on.

    Attributes:
        device: ``auto`` takes a GPU where the worker has one.
        threads: CPU threads of the engine; the worker's choice when left out.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = Field(default=None, ge=1, le=256)


Format = Literal["safetensors", "onnx", "onnx-int8"]


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

    name: Name = Field(min_length=1, max_length=120)
    dataset: DatasetRef
    teacher: Teacher | None = None
    student: Student
    method: Method = PresetRef(preset="hinton")
    training: Training = Training()
    baseline: bool = True
    deliver: tuple[Format, ...] = ("safetensors", "onnx")
    resources: Resources = Resources()
    labels: dict[Annotated[str, Field(max_length=63)], Annotated[str, Field(max_length=200)]] = Field(
        default={}, max_length=32
    )
    priority: int = Field(default=0, ge=-100, le=100)

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
                JobSpec, DatasetRef, Splits, Teacher, TeacherTraining, Student, Training, Optimizer,
                LearningRateSchedule, Augment, Checkpoints, Resources,
            )
        )
    )
)  # fmt: skip
