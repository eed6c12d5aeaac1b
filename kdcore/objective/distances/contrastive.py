"""Contrastive representation distillation: which embedding of the other network belongs to this picture?"""

from __future__ import annotations

from math import log, prod
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.objective.distances.banks import Banks, Shown
from kdcore.objective.distances.base import Classes, Context, Shape
from kdcore.objective.distances.masks import UNLABELLED
from kdcore.objective.distances.sized import Sized
from kdcore.seeds import generator
from kdcore.spec.rooms.modules import ContrastiveOptions

EPS = 1e-7
"""Of the published code, beside the noise's probability."""


class Contrast(NamedTuple):
    """What the embeddings of a batch are compared with.

    Attributes:
        students, teachers: those of the pictures themselves [B, dim], and those of others, [K, dim] or [B, K, dim].
        counts: which of the others count for which picture: bool [B, K].
        population: how many samples the others are drawn from.
    """

    students: tuple[Tensor, Tensor]
    teachers: tuple[Tensor, Tensor]
    counts: Tensor
    population: int


class Contrastive(Sized):
    """``-mean [log P / (P + m/n) + Σ log (m/n) / (P' + m/n)]``, for the student's embeddings and for the teacher's.

    P = exp(u'v / T) / Z for the two embeddings of one picture, P' for those of another one, m others among n samples.
    Tian, Krishnan, Isola 2020 (CRD), equations 17 to 19, as in their code: both sides are embedded by a learned linear
    map and a unit norm, each is compared with a memory of the other, and Z is set by the first batch. The m others are
    drawn once for all pictures of a step, which costs one matrix product (ours; the published code draws for each).

    Features [B, ...], flattened; the context's ``index`` says which sample each is, its ``step`` which draw is taken,
    and ``contrast`` [B, 1 + K], where given, which samples are the picture itself and its others. Without a memory
    (nobody said how many samples there are) and in evaluation mode the batch itself stands for it. Not zero at
    equality.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"index"})
    banks: Banks | None

    def __init__(self, options: ContrastiveOptions) -> None:
        super().__init__()
        self.options = options
        self.register_module("banks", None)

    def build(self, student: Shape, teacher: Shape, samples: int) -> None:
        self.student = nn.Linear(prod(student[1:]), self.options.dim)
        self.teacher = nn.Linear(prod(teacher[1:]), self.options.dim)
        if samples:
            self.banks = Banks(samples, self.options.dim, self.options.momentum)

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        if teacher is None or len(teacher) != len(student):
            raise ValueError(f"crd compares batches of one size (student {len(student)})")
        self.ready(student, teacher)
        own = F.normalize(self.student(student.flatten(1)), dim=1)
        followed = F.normalize(self.teacher(teacher.flatten(1)), dim=1)
        labels = torch.full((len(own),), UNLABELLED) if target is None else target
        index, labels = context["index"].to(own.device), labels.to(own.device)
        contrast = self._contrast(own, followed, index, labels, context)
        remembered = self.banks.normalisers if self.banks is not None and self.training else None
        sides = (own, contrast.teachers), (followed, contrast.students)
        losses, normalisers = zip(
            *(self._told_apart(side, others, contrast, i, remembered) for i, (side, others) in enumerate(sides)),
            strict=True,
        )
        if self.banks is not None and self.training:
            self.banks.show(Shown(index, own.detach(), followed.detach(), labels, torch.stack(normalisers)))
        return torch.stack(losses).sum()

    def advance(self) -> None:
        if self.banks is not None:
            self.banks.advance()

    def _contrast(self, own: Tensor, followed: Tensor, index: Tensor, labels: Tensor, context: Context) -> Contrast:
        if self.banks is None or not self.training:
            itself = torch.eye(len(own), dtype=torch.bool, device=own.device)
            counts = ~itself & self._another_class(labels[:, None], labels)
            mine, theirs = own.detach(), followed.detach()
            return Contrast((mine, mine), (theirs, theirs), counts, len(own))
        banks = self.banks
        given = context.get("contrast")
        if given is not None:
            places = given.to(own.device)[:, 1:]
            counts = torch.ones_like(places, dtype=torch.bool)
        else:
            places = self._drawn(int(context.get("step", 0))).to(own.device)
            counts = (places != index[:, None]) & self._another_class(labels[:, None], banks.labels[places])
        known = (index < len(banks))[:, None]
        at = index.clamp(max=len(banks) - 1)
        mine = torch.where(known, banks.student[at].to(own), own.detach())
        theirs = torch.where(known, banks.teacher[at].to(own), followed.detach())
        return Contrast(
            (mine, banks.student[places].to(own)), (theirs, banks.teacher[places].to(own)), counts, len(banks)
        )

    def _another_class(self, labels: Tensor, others: Tensor) -> Tensor:
        """Whether samples may be told apart; those without a label may."""
        if self.options.negatives_from == "others":
            return torch.ones_like(labels != others)
        return (labels != others) | (labels == UNLABELLED)

    def _drawn(self, step: int) -> Tensor:
        """Places in the memory, without repetition."""
        assert self.banks is not None
        shuffled = torch.randperm(len(self.banks), generator=generator(self.options.seed, "negatives", step))
        return shuffled[: self.options.negatives]

    def _told_apart(
        self, side: Tensor, others: tuple[Tensor, Tensor], contrast: Contrast, which: int, remembered: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The loss of one side's embeddings [B, dim], and the logarithm of its normaliser."""
        same = (side * others[0]).sum(1) / self.options.temperature
        rest = side @ others[1].T if others[1].ndim == 2 else (others[1] @ side[..., None]).squeeze(2)
        rest = rest / self.options.temperature
        normaliser = _normaliser(same, rest, contrast)
        if remembered is not None:
            normaliser = torch.where(remembered[which].isfinite(), remembered[which].to(same), normaliser)
        share = contrast.counts.sum(1).clamp(min=1).to(same) / contrast.population
        noise = torch.log(share + EPS)
        right = _log_share(same - normaliser, noise)
        wrong = torch.log(share)[:, None] - torch.logaddexp(rest - normaliser, noise[:, None])
        return -(right + (wrong * contrast.counts).sum(1)).mean(), normaliser


def _normaliser(same: Tensor, rest: Tensor, contrast: Contrast) -> Tensor:
    """``log Z``: the mean of all similarities' exponentials times the population; no gradient passes."""
    counted = torch.cat([same[:, None], rest.masked_fill(~contrast.counts, -torch.inf)], dim=1).detach()
    count = contrast.counts.sum() + len(same)
    return torch.logsumexp(counted.flatten(), 0) - count.log() + log(contrast.population)


def _log_share(logit: Tensor, noise: Tensor) -> Tensor:
    """``log (e^a / (e^a + e^b))``."""
    return logit - torch.logaddexp(logit, noise)


CLASSES: Classes = {"crd": Contrastive}
