"""One stage of one run, ready to step: its objective, captures, learners and their optimisers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.data.batches import Batch
from kdcore.distributed import Group, Solo, gathered, synchronised
from kdcore.objective.distances import UNLABELLED
from kdcore.objective.padding import masks_of, reads_tokens
from kdcore.objective.points import Capture, Features
from kdcore.objective.stages import parameters_upto
from kdcore.objective.terms import Cast, Losses, Objective, points_of
from kdcore.seeds import derive, seeded
from kdcore.spec.plan import LOGITS, RunPlan, StagePlan
from kdcore.train import schedule
from kdcore.train.answers import Answers
from kdcore.train.average import Average
from kdcore.train.cache import Table, TeacherCache
from kdcore.train.compiling import compiled, told
from kdcore.train.coupling import couplings
from kdcore.train.fitting import Cut
from kdcore.train.learner import Learner
from kdcore.train.machine import Machine
from kdcore.train.parts import Memory, detached, mean_of, next_tokens, remember
from kdcore.train.quantised import quantised
from kdcore.train.stopping import Stopping
from kdcore.train.writing import Written


class Stage:
    """The step of one stage.

    Args:
        run, plan: of the stage.
        networks: every network by name; those that do not learn are frozen.
        sample: a few pictures to trace shapes with, in evaluation mode so that nothing changes.
        machine: where it runs.
        samples: pictures in the training split.
        named: adapters that live across stages; filled with those that this stage is the first to use.
        group: the processes that share every step; this one on its own when left out.
        caches: kept outputs of frozen networks, which are then not asked about training pictures.
        tables: stored outputs, which those networks get in place of inputs that have nothing else to answer from.
        texts: what the teacher wrote to the training examples, int32 [N, steps], where the stage learns from that.
    """

    def __init__(
        self,
        run: RunPlan,
        plan: StagePlan,
        networks: Mapping[str, nn.Module],
        sample: Tensor,
        machine: Machine,
        *,
        samples: int = 0,
        named: nn.ModuleDict | None = None,
        group: Group | None = None,
        caches: Mapping[str, TeacherCache] | None = None,
        tables: Mapping[str, Table] | None = None,
        texts: Tensor | None = None,
    ) -> None:
        self.run, self.plan, self.machine, self.group = run, plan, machine, group or Solo(machine.device)
        self._stack = ExitStack()
        self._captures = {
            name: self._stack.enter_context(Capture(networks[name], points)) for name, points in points_of(plan).items()
        }
        self._networks = [networks[name] for name in run.learners]
        self._reader = reads_tokens(self._networks)
        for network in self._networks:
            self._stack.enter_context(synchronised(network, self.group))
        rounds = plan.quantise is not None
        self._quantised = self._stack.enter_context(quantised(networks[run.learner])) if rounds else None
        self._tables = tables or {}
        heard = [networks[name] for name in self._captures if machine.compiled and name not in self._tables]
        self.regions = self._stack.enter_context(compiled(heard))
        self._answers = Answers({} if plan.writing else caches or {}, self._captures)
        self._written = self._writing(networks, texts)
        self._evaluating = False
        self._heard: dict[tuple[str, int], Features] | None = None
        self._own: list[nn.Module] = []
        with seeded(run.training.seed, run.name, plan.name, "adapters"):
            cast = Cast(self._trace(sample), networks, samples, nn.ModuleDict() if named is None else named)
            self.objective = Objective(plan, cast).to(machine.device)
        self._own.append(self.objective)
        self.learners = [self._learner(name, networks[name], sample) for name in self._taught()]
        if self.group.size > 1:
            for learner in self.learners:
                learner.balance.reduce = self.group.mean
        alone = self.group.size == 1
        self.cut = Cut(run.training.accumulate, plan.name, alone, couplings=self._couplings, forget=self._begin)
        self.steps = (plan.scheduled or plan.epochs) * run.steps_per_epoch
        self.learning = nn.ModuleDict({name: networks[name] for name in run.learners})
        asked, early = run.training.average, run.training.early_stopping
        self.average = None if asked is None else Average(self.learning, asked)
        self.stopping = None if early is None else Stopping(early)

    def _writing(self, networks: Mapping[str, nn.Module], texts: Tensor | None) -> Written | None:
        plan = self.plan.writing
        if plan is None:
            return None
        seed = derive(self.run.training.seed, self.run.name, self.plan.name)
        return Written(plan, seed, networks[self.run.learner], self.machine, texts)

    def _taught(self) -> list[str]:
        """The learners that some term of this stage teaches."""
        taught = {term.to for term in self.plan.terms}
        return [name for name in self.run.learners if name in taught]

    def _learner(self, name: str, network: nn.Module, sample: Tensor) -> Learner:
        main = name == self.run.learner
        names = parameters_upto(network, self.plan.upto if main else None, sample)
        own: dict[str, float] = getattr(network, "parameter_scales", dict)()
        rates = {**own, **self.plan.layer_rates} if main else own
        return Learner(
            name, network, names, self.objective, self.run.training, rates, rate=self.run.rates.get(name, 1.0)
        )

    def teaches(self, name: str) -> bool:
        """Whether the network ``name`` learns in this stage."""
        return any(learner.name == name for learner in self.learners)

    def speaks(self, name: str) -> bool:
        """Whether somebody in this stage looks at the logits of the network ``name``."""
        return LOGITS in self._captures[name].points if name in self._captures else False

    def close(self) -> None:
        """Take the hooks away."""
        self._stack.close()

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """All learners, adapters and distances in evaluation mode, and back."""
        modules = [*self._networks, *self._own]
        before = [module.training for module in modules]
        for module in modules:
            module.eval()
        self._evaluating = True
        try:
            yield
        finally:
            self._evaluating = False
            for module, mode in zip(modules, before, strict=True):
                module.train(mode)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """A stretch in which the learners are the moving average of their weights, where the training asks for one."""
        with nullcontext() if self.average is None else self.average.swapped(self.learning):
            yield

    def _trace(self, sample: Tensor) -> dict[str, Features]:
        with self.evaluating(), torch.no_grad():
            return self._listen(sample)

    def _listen(self, images: Tensor, batch: Batch | None = None) -> dict[str, Features]:
        """What every network says; the learners' parts carry gradients where they are enabled.

        Args:
            batch: whose pictures these are, where kept outputs may answer.
        """
        images = self.machine.laid_out(images)
        trains = batch is not None and not self._evaluating
        with self.machine.autocast(), self.regions.open(when=trains):
            return {
                name: self._said(name, capture, self._given(name, images, batch), batch)
                for name, capture in self._captures.items()
            }

    def _given(self, name: str, images: Tensor, batch: Batch | None) -> Tensor:
        """What a network is given: the inputs, or where it is a table the rows of the same examples.

        Inputs without a batch are the first of the validation split, which shapes are traced with.
        """
        if name not in self._tables:
            return images
        held_out = batch is None or self._evaluating
        index = torch.arange(len(images)) if batch is None else batch.index
        return self._tables[name].rows("validation" if held_out else "train", index).to(images.device)

    def _said(self, name: str, capture: Capture, images: Tensor, batch: Batch | None) -> Features:
        if batch is not None:
            answer = self._answers.of(name, batch, held_out=self._evaluating)
            if answer is not None:
                return answer
            if self._heard is not None and name not in self.run.learners:
                return self._once(name, capture, images, batch)
        with torch.set_grad_enabled(torch.is_grad_enabled() and name in self.run.learners):
            said = capture(images)
        if batch is not None and self._evaluating:
            self._answers.remember(name, batch, said)
        return said

    @torch.no_grad()
    def _once(self, name: str, capture: Capture, images: Tensor, batch: Batch) -> Features:
        """What a frozen network says in a step that looks at its losses again: it says the same both times."""
        assert self._heard is not None
        part = name, batch.inputs.data_ptr()  # parts are views of one batch, each at a place of its own
        if part not in self._heard:
            self._heard[part] = capture(images)
        return self._heard[part]

    def losses(self, batch: Batch, epoch: float, step: int = 0) -> Losses:
        """The stage's losses on a batch at ``epoch`` and ``step`` of the stage."""
        return self._losses(self._listen(batch.inputs, batch), batch, epoch, step)

    def _losses(self, spoken: Mapping[str, Features], batch: Batch, epoch: float, step: int) -> Losses:
        epoch += self.plan.begins
        mask = None if self._reader is None else self._reader.token_mask(batch.inputs)
        masks = masks_of(self._networks, batch.inputs)
        if self.objective.training:  # an evaluation deals whole batches to the processes
            spoken, batch = gathered(spoken, batch, self.group)
            mask = None if mask is None else self.group.gather(mask, equal=True)
            masks = {part: self.group.gather(seen, equal=True) for part, seen in masks.items()}
        context: dict[str, Any] = {"index": batch.index, "epoch": epoch, "step": step}
        if mask is not None:
            context["mask"] = mask
        answered = masks.pop(LOGITS, None)
        if batch.compared is not None:
            masks[LOGITS] = batch.compared
        elif answered is not None and self.run.labels is not None:  # texts without targets: all of their tokens count
            known = batch.targets != UNLABELLED
            masks[LOGITS] = torch.where(known.any(1, keepdim=True), known, answered)
        if masks:
            context["masks"] = masks
        if batch.mixed is not None:
            context |= {"mixed_labels": batch.mixed.labels, "mixed_share": batch.mixed.share}
        losses: Losses = self.objective(spoken, batch.targets, epoch, context)
        return losses

    def step(self, batch: Batch, epoch: int, step: int, *, rate: float = 1.0) -> dict[str, Tensor]:
        """One optimiser step of every learner; returns the detached losses by name.

        Args:
            batch: this process's share.
            epoch, step: of the stage, counted from 0.
            rate: further factor on the learning rate.
        """
        if self._written is not None:
            batch = self._written.of(batch, step)
        looking = [learner for learner in self.learners if learner.balance.looks_again]
        memory = remember(self._networks) if looking else None
        self._heard = {} if looking else None
        self._begin()
        with told():
            before = self.cut.taken(
                lambda count: self._backward(batch.parts(count), epoch, step), len(batch.index), step
            )
        pulls: dict[str, Tensor] = {}
        for learner in self.learners:
            if learner.name in before.groups:
                pulls |= self._readings(learner, learner.move(rate * self.rate(step)))
        if memory is not None:
            after = self._look_again(batch, epoch, step, memory)
            for learner in looking:
                if learner.name in before.groups:
                    groups = before.groups[learner.name], after.groups[learner.name]
                    pulls |= self._readings(learner, learner.balance.after_step(*groups))
        self._heard = None
        self.objective.advance()
        if self._quantised is not None:
            self._quantised.advance()
        if self.average is not None:
            self.average.update(self.learning)
        return {**self.totals(before), **pulls}

    @staticmethod
    def _readings(learner: Learner, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {f"balance.{learner.name}.{name}": value.detach() for name, value in values.items()}

    def totals(self, losses: Losses) -> dict[str, Tensor]:
        """What is recorded of a step: the loss of the network that the run is for, and every term."""
        groups = losses.groups.get(self.run.learner) or _all_groups(losses)
        total = torch.stack(list(groups.values())).sum()
        return {"loss": total, **{f"term.{name}": loss for name, loss in losses.terms.items()}}

    def _begin(self) -> None:
        for learner in self.learners:
            learner.begin()
        if self._quantised is not None:
            self._quantised.forget()

    def _couplings(self) -> list[str]:
        speaking = {name: capture.network for name, capture in self._captures.items()}
        return couplings(self.run, speaking, self.objective)

    def _backward(self, parts: Sequence[Batch], epoch: int, step: int) -> Losses:
        """Gather every learner's gradients over the micro-batches; returns the means of their losses, detached.

        A learner's terms end at its own parameters, so that learners do not disturb each other.
        """
        gathered: list[Losses] = []
        weights = self._weights(parts)
        for number, part in enumerate(parts):
            spoken = self._listen(part.inputs, part)
            losses = self._losses(spoken, part, epoch, step)
            for learner in self.learners:
                groups = losses.groups.get(learner.name)
                if groups:
                    shares = {
                        name: loss / len(parts) if weights is None else loss * weights[number]
                        for name, loss in groups.items()
                    }
                    shared = self._shared(learner, spoken)
                    of_terms = epoch + self.plan.begins
                    learner.balance.accumulate(shares, learner.parameters, shared=shared, epoch=of_terms)
            gathered.append(detached(losses))
        return mean_of(gathered, weights)

    def _weights(self, parts: Sequence[Batch]) -> list[Tensor] | None:
        """What each micro-batch's losses count: alike, or of next tokens by how many of them count in it."""
        if len(parts) == 1 or not next_tokens(parts[0].targets):
            return None
        masks = [part.targets != UNLABELLED if part.compared is None else part.compared for part in parts]
        counts = torch.stack([mask.sum() for mask in masks])
        if self.group.size > 1:
            counts = self.group.gather(counts[None], equal=True).sum(0)
        return list((counts / counts.sum().clamp(min=1)).unbind())

    def _shared(self, learner: Learner, spoken: dict[str, Features]) -> list[Tensor]:
        point = self.plan.balance_points.get(learner.name)
        return [] if point is None else [spoken[learner.name][point]]

    @torch.no_grad()
    def _look_again(self, batch: Batch, epoch: int, step: int, memory: Memory) -> Losses:
        """The losses on the same batch after the step, with the same random draws; no running statistic moves."""
        with memory.replayed():
            parts = batch.parts(self.cut.count)
            return mean_of([self.losses(part, epoch, step) for part in parts], self._weights(parts))

    def rate(self, step: int) -> float:
        """The learning rate at ``step`` of the stage."""
        training = self.run.training
        factor = schedule.factor(training.schedule, step, self.steps, self.run.steps_per_epoch)
        return training.optimizer.lr * self.plan.learning_rate_scale * factor

    def describe(self) -> dict[str, Any]:
        """What tracing found out, for ``resolved.json``."""
        adapters = {
            module.plan.name: sum(p.numel() for p in module.adapter.parameters())
            for module in self.objective.modules_of_terms()
            if module.adapter is not None
        }
        trained = {learner.name: sum(p.numel() for p in learner.parameters) for learner in self.learners}
        return {"trained_parameters": trained, "adapter_parameters": adapters, "upto": self.plan.upto}

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs beside the learners' networks."""
        optimizers = {learner.name: learner.state() for learner in self.learners}
        return {
            "objective": self.objective.state_dict(),
            "optimizers": optimizers,
            "parts": self.cut.count,
            "average": None if self.average is None else self.average.state(),
            "stopping": None if self.stopping is None else self.stopping.state(),
            "quantised": None if self._quantised is None else self._quantised.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.objective.load_state_dict(state["objective"])
        for learner in self.learners:
            learner.restore(state["optimizers"][learner.name])
        self.cut.restore(state["parts"])
        if self.average is not None:
            self.average.restore(state["average"])
        if self.stopping is not None:
            self.stopping.restore(state["stopping"])
        if self._quantised is not None:
            self._quantised.restore(state["quantised"], self.machine.device)

    def go_on_from(self, before: Stage) -> None:
        """Take over what the same terms have learnt in the stage before: adapters, memory banks, learned numbers."""
        self.objective.load_state_dict(before.objective.state_dict())


def _all_groups(losses: Losses) -> dict[str, Tensor]:
    return {f"{learner}.{name}": loss for learner, groups in losses.groups.items() for name, loss in groups.items()}
