"""How the runs of a job are trained."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from kdcore.spec.base import Strict, Switch
from kdcore.spec.caching import TeacherCache
from kdcore.spec.descent import Average as Average
from kdcore.spec.descent import EarlyStopping as EarlyStopping
from kdcore.spec.descent import LearningRateSchedule as LearningRateSchedule
from kdcore.spec.descent import Optimizer as Optimizer
from kdcore.spec.descent import Quantise as Quantise


class RandAugment(Strict):
    """Random operations one after the other, as RandAugment has them: Cubuk et al. 2020 (arXiv 1909.13719).

    Attributes:
        operations: how many each picture goes through.
        magnitude: how strong they are, of 30.
    """

    operations: int = Field(default=2, ge=1, le=8)
    magnitude: int = Field(default=9, ge=0, le=30)


class Augment(Strict):
    """Random changes of the training pictures, drawn anew each epoch for each picture.

    Attributes:
        shift: pixels that a picture may move in each direction; edges are filled with black.
        flip: mirror half of the pictures; the default is what the dataset allows.
        rotate: degrees that a picture may turn each way; corners are filled with black.
        randaugment: a number of random operations of one strength.
        color: brightness and contrast are multiplied by up to 1 plus or minus this.
        erase: share of the pictures in which a rectangle is wiped out.
        mixup: parameter of the Beta distribution by which two pictures and their labels are blended.
        cutmix: parameter of the Beta distribution of the share that a rectangle of another picture leaves; with
            ``mixup``, each step takes one of the two.
        views: so many versions of each picture, shown in turn, instead of a new one each epoch: a frozen teacher's
            outputs on them can be kept.
    """

    shift: int = Field(default=0, ge=0, le=32)
    flip: bool | None = None
    rotate: float = Field(default=0, ge=0, le=180)
    randaugment: RandAugment | None = None
    color: float = Field(default=0, ge=0, le=1)
    erase: float = Field(default=0, ge=0, le=1)
    mixup: float | None = Field(default=None, gt=0, le=100)
    cutmix: float | None = Field(default=None, gt=0, le=100)
    views: int | None = Field(default=None, ge=1, le=1024)

    @model_validator(mode="after")
    def _mixed_or_replayed(self) -> Self:
        if self.views is not None and self.mixes:
            raise ValueError("mixed pictures do not repeat: take views, or mixup and cutmix")
        return self

    @property
    def mixes(self) -> bool:
        """Whether pictures and labels of a batch are mixed."""
        return self.mixup is not None or self.cutmix is not None

    @property
    def changes(self) -> bool:
        """Whether anything changes a picture by itself."""
        return bool(self.shift or self.flip or self.rotate or self.randaugment or self.color or self.erase)

    @property
    def versions(self) -> int | None:
        """How many versions of each picture there are; None where they are drawn anew each epoch."""
        if self.mixes:
            return None
        return self.views if self.changes else 1


class Checkpoints(Strict):
    """How often the run is made safe, and how.

    Attributes:
        every_seconds: least time between checkpoints; one more is written at the end of each run.
        keep: how many of the last checkpoints stay in the working folder; the best weights so far are in each.
        background: whether a checkpoint is written while the training goes on; its state is copied first.
    """

    every_seconds: float = Field(default=30, gt=0)
    keep: int = Field(default=2, ge=1, le=100)
    background: bool = True


class Sampler(Strict):
    """How batches are drawn, if not from all pictures alike: with ``classes`` and ``per_class``, or by ``weights``.

    Attributes:
        classes: different classes in a batch, for distances that look within a class.
        per_class: pictures of each; ``classes`` times ``per_class`` is the batch size.
        weights: ``balanced`` weighs pictures by the inverse of their class's frequency: an epoch shows all classes
            equally often, for datasets whose classes are of unequal size.
    """

    classes: int | None = Field(default=None, ge=2, le=65_536)
    per_class: int | None = Field(default=None, ge=2, le=65_536)
    weights: Literal["balanced"] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = (self.classes is not None, self.per_class is not None, self.weights is not None)
        if given not in {(True, True, False), (False, False, True)}:
            raise ValueError("a sampler has classes and per_class, or weights")
        return self

    @property
    def makes(self) -> int | None:
        """The batch size that ``classes`` and ``per_class`` make; None where weights go with any."""
        return None if self.classes is None or self.per_class is None else self.classes * self.per_class


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
        optimizer, schedule, augment, cache, checkpoints: see there.
        precision: arithmetic of the forward passes; losses are always float32. ``auto`` takes bfloat16 where a few
            measured steps say that it pays.
        memory_format: how pictures and weights lie in memory; ``auto`` measures, too.
        compile: run the parts of networks that nobody looks into as code compiled by torch.compile; ``auto`` does for
            long jobs where what it saves, as measured, repays what the compiler takes.
        fold: let frozen networks speak with their BatchNorm folded into the convolutions.
        gradient_clip: largest gradient norm; none when left out.
        freeze: module paths of the student that never learn, in any of its runs; a method's ``layer_rates`` of 0 do
            the same for one stage. Running statistics of frozen layers go on.
        layer_decay: factor on the student's learning rate from each block to the one before it; none when left out.
        average: validate, keep and deliver a moving average of the weights; see there.
        early_stopping: end a stage when its validation stays as it is; see there.
        quantise: train the last epochs of the student as the int8 file that is delivered; see there.
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
    cache: TeacherCache = TeacherCache()
    checkpoints: Checkpoints = Checkpoints()
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    memory_format: Literal["auto", "contiguous", "channels_last"] = "auto"
    compile: Switch = "auto"
    fold: bool = True
    gradient_clip: float | None = Field(default=None, gt=0)
    freeze: tuple[str, ...] = ()
    layer_decay: float | None = Field(default=None, gt=0, le=1)
    average: Average | None = None
    early_stopping: EarlyStopping | None = None
    quantise: Quantise | None = None
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
