"""How the runs of a job are trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kdcore.spec.base import Strict


class Optimizer(Strict):
    """The optimiser, in PyTorch's terms.

    Attributes:
        name: ``sgd``, ``adamw``, or ``rmsprop`` with decay 0.9 as FitNets used it.
        lr: learning rate at the top of its schedule.
        momentum: of SGD; RMSProp has none.
        nesterov: Nesterov's form of SGD's momentum.
        weight_decay: L2 factor (decoupled for AdamW).
    """

    name: Literal["sgd", "adamw", "rmsprop"] = "sgd"
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


class Sampler(Strict):
    """Batches of so many classes with so many pictures of each, for distances that look within a class.

    Attributes:
        classes: classes in a batch.
        per_class: pictures of each; ``classes`` times ``per_class`` is the batch size.
    """

    classes: int = Field(ge=2, le=65_536)
    per_class: int = Field(ge=2, le=65_536)


class Rollback(Strict):
    """Going back when the loss jumps, instead of going on from a network that is lost.

    Attributes:
        factor: of the running median of the loss, beyond which a step counts as a jump; NaN always does.
        window: steps of the running median; also how often a good state is set aside.
        rate: factor on the learning rate after each return.
        most: returns in a run before it is given up.
    """

    factor: float = Field(default=10, gt=1)
    window: int = Field(default=50, ge=5, le=10_000)
    rate: float = Field(default=0.5, gt=0, le=1)
    most: int = Field(default=3, ge=1, le=100)


class Training(Strict):
    """How every run of the job is trained.

    Attributes:
        epochs: passes over the training pictures for the student, the same with and without a teacher.
        batch_size: pictures a step.
        optimizer, schedule, augment, checkpoints: see there.
        precision: arithmetic of the forward passes; losses are always float32. ``auto`` takes bfloat16 where a few
            measured steps say that it pays.
        memory_format: how pictures and weights lie in memory; ``auto`` measures, too.
        fold: let frozen networks speak with their BatchNorm folded into the convolutions.
        gradient_clip: largest gradient norm; none when left out.
        accumulate: micro-batches that a batch is cut into, to save memory; the step is that of the whole batch.
        sampler: batches balanced by class; drawn from all pictures alike when left out.
        max_norm: largest L2 norm of the weights of any one unit or kernel, kept after each step; FitNets used 0.9.
        rollback: return to the last good state when the loss jumps; the run stops at NaN when left out.
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
    memory_format: Literal["auto", "contiguous", "channels_last"] = "auto"
    fold: bool = True
    gradient_clip: float | None = Field(default=None, gt=0)
    accumulate: int = Field(default=1, ge=1, le=1024)
    sampler: Sampler | None = None
    max_norm: float | None = Field(default=None, gt=0)
    rollback: Rollback | None = None
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
