"""Batches whose texts a network wrote: the teacher once, before the stage, or the student in the middle of it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from kdcore.data import dice
from kdcore.data.batches import Batch
from kdcore.generate import Prompt, sample, writer_of
from kdcore.generate.rewriting import rewritten, written
from kdcore.measure.predict import evaluating
from kdcore.objective.distances import UNLABELLED
from kdcore.seeds import derive
from kdcore.spec.generated import StudentTexts, WritingPlan
from kdcore.train.machine import Machine


class Written:
    """A stage's batches with the texts that it learns from.

    What the student writes follows from the seed, the step, the examples and its weights: not from how a batch is
    shared between processes, and a resumed run sees the same.

    Args:
        plan: of the stage.
        seed: of this stage of this run.
        writer: the student; the teacher is not asked, its ``texts`` are given.
        machine: where the student writes.
        texts: int32 [N, steps], what the teacher wrote to each example of the training split.
    """

    def __init__(
        self, plan: WritingPlan, seed: int, writer: nn.Module, machine: Machine, texts: Tensor | None = None
    ) -> None:
        self.plan, self.seed, self.writer, self.machine, self.texts = plan, seed, writer, machine, texts

    def of(self, batch: Batch, step: int) -> Batch:
        """The batch at ``step`` of the stage as it is learned from.

        A batch that the student wrote has no targets, and ``compared`` where there are tokens that others are followed
        on.
        """
        asked = self.plan.asked
        if not isinstance(asked, StudentTexts):
            return self._by_teacher(batch)
        lot = dice.fractions(dice.keys(derive(self.seed, "who writes"), step), "lot")
        return self._by_student(batch, asked, step) if float(lot) < asked.share else batch

    def _by_teacher(self, batch: Batch) -> Batch:
        if self.texts is None:
            return batch  # shapes are traced and steps are timed before anything is written
        tokens = self.texts[batch.index].to(batch.inputs)
        inputs, targets = rewritten(batch.inputs, tokens, self.plan)
        return replace(batch, inputs=inputs, targets=targets)

    def _by_student(self, batch: Batch, asked: StudentTexts, step: int) -> Batch:
        keys = dice.keys(derive(self.seed, "texts"), step, batch.index)
        fractions = dice.fractions(keys, "tokens", self.plan.steps).to(batch.inputs.device)
        writer = writer_of(self.writer, batch.inputs.shape[1], self.plan.padding)

        def write(prompt: Prompt, rows: Tensor) -> Tensor:
            given = fractions[rows, : prompt.steps]
            return sample(writer, prompt, given, temperature=asked.temperature, top_p=asked.top_p)

        with evaluating(self.writer), self.machine.autocast():
            tokens = written(batch.inputs, self.plan, write)
        inputs, targets = rewritten(batch.inputs, tokens, self.plan)
        compared = targets != UNLABELLED
        return replace(batch, inputs=inputs, targets=torch.full_like(targets, UNLABELLED), compared=compared)
