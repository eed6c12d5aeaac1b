"""What all distances between two samples share: marginal, conditional or joint, a queue, a scale."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor

from kdcore.objective.distances.base import Context, Distance, Shape, cut, same_shape
from kdcore.objective.distances.memory import Sample, TeacherQueue
from kdcore.objective.shared import once
from kdcore.spec.rooms.distributions import JointOptions, SampleOptions

Places = tuple[Tensor, Tensor]
"""Which rows of the student's sample and which of the teacher's belong together."""


class Between(Distance):
    """A distance between two samples [N, D] and [M, D]: as a whole, or class by class, or beside labels or logits.

    Class by class, each class counts by its share of the student's batch; a class with fewer than ``least`` samples
    says nothing and is left out. Where that leaves none, the loss is zero with a zero gradient.

    Attributes:
        least: fewest samples that the formula makes sense of.
        widths_may_differ: whether both sides' features have to be equally wide.
    """

    least = 1
    widths_may_differ = False

    def __init__(self, options: SampleOptions | JointOptions) -> None:
        super().__init__()
        self.given, self.scale = options.given, options.scale
        self.queue = TeacherQueue(options.queue) if options.queue else None

    def size(self, student: Shape, teacher: Shape, samples: int) -> None:
        if self.queue is not None:
            self.queue.build(prod(teacher[1:]))

    def advance(self) -> None:
        if self.queue is not None:
            self.queue.advance()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        own, followed = self._samples(student, teacher, target, context)
        if self.queue is not None:
            latest, followed = followed, self.queue.added(followed)
            self.queue.show(latest)
        width = own.rows.shape[1]
        if self.scale == "teacher":
            own, followed = _to_unit(own, followed, context)
        loss = self._compared(own, followed, context)
        return loss / width if self.scale == "dimension" else loss

    def _samples(
        self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context
    ) -> tuple[Sample, Sample]:
        name = type(self).__name__
        if self.given in ("class", "label") and target is None:
            raise ValueError(f"{name} with given: {self.given} needs target")
        labels = target if self.given in ("class", "label") else None
        own, followed = (
            Sample(once(context, rows_of, side), labels) for side in (student, self._followed(student, teacher))
        )
        if self.given != "logits":
            return own, followed
        missing = {"student_logits", "teacher_logits"} - set(context)
        if missing:
            raise ValueError(f"{name} with given: logits needs {', '.join(sorted(missing))}")
        said, heard = context["student_logits"], once(context, cut, context["teacher_logits"])
        return Sample(own.rows, logits=said.to(own.rows)), Sample(followed.rows, logits=heard.to(own.rows))

    def _followed(self, student: Tensor, teacher: Tensor | None) -> Tensor:
        if not self.widths_may_differ:
            return same_shape(student, teacher, type(self).__name__)
        if teacher is None or len(teacher) != len(student):
            raise ValueError(f"{type(self).__name__} compares batches of one size (student {len(student)})")
        return teacher

    def _compared(self, own: Sample, followed: Sample, context: Context) -> Tensor:
        if min(len(own), len(followed)) < self.least:
            return own.rows.sum() * 0
        compare = self.by_class if self.given == "class" else self.between
        return compare(own, followed, context)

    def by_class(self, own: Sample, followed: Sample, context: Context | None = None) -> Tensor:
        """The distance within each class, averaged with the classes' shares of the student's batch.

        A class's samples are taken out for this term alone: there is nothing that others could share.
        """
        total, counted = own.rows.sum() * 0, 0
        for mine, theirs in classes_of(own, followed, self.least):
            total = total + len(mine) * self.between(own.at(mine), followed.at(theirs))
            counted += len(mine)
        return total / max(counted, 1)

    @abstractmethod
    def between(self, own: Sample, followed: Sample, context: Context | None = None) -> Tensor:
        """The distance of two samples."""


def rows_of(feature: Tensor) -> Tensor:
    """A feature [B, ...] as one row a sample."""
    return feature.flatten(1)


def classes_of(own: Sample, followed: Sample, least: int = 1) -> Iterator[Places]:
    """For each class with at least ``least`` samples on both sides, the places of its samples."""
    assert own.labels is not None
    assert followed.labels is not None
    mine, theirs = own.labels.cpu(), followed.labels.cpu()
    for label in torch.unique(mine):
        places = (mine == label).nonzero().squeeze(1), (theirs == label).nonzero().squeeze(1)
        if min(len(side) for side in places) >= least:
            yield places


def _to_unit(own: Sample, followed: Sample, context: Context) -> tuple[Sample, Sample]:
    """Both divided by the root of the teacher's mean squared norm, unless it is zero."""
    mine, theirs = (once(context, _in_units_of, side.rows, followed.rows) for side in (own, followed))
    return Sample(mine, own.labels, own.logits), Sample(theirs, followed.labels, followed.logits)


def _in_units_of(rows: Tensor, others: Tensor) -> Tensor:
    power = others.square().sum(1).mean()
    return rows / torch.where(power <= torch.finfo(power.dtype).tiny ** 0.5, 1, power).sqrt()
