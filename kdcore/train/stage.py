"""One stage of one run, ready to step: its objective, captures, optimiser and what it trains."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.data.batches import Batch
from kdcore.objective.points import Capture, Features
from kdcore.objective.stages import parameters_upto
from kdcore.objective.terms import Losses, Objective, TermModule, points_of
from kdcore.seeds import seeded
from kdcore.spec.plan import RunPlan, StagePlan
from kdcore.train import optimiser
from kdcore.train.machine import Machine


class Stage:
    """The step of one stage.

    Args:
        run, plan: of the stage.
        networks: every network by name; all but the learner are frozen.
        sample: a few pictures to trace shapes with, in evaluation mode so that nothing changes.
        machine: where it runs.
    """

    def __init__(
        self, run: RunPlan, plan: StagePlan, networks: Mapping[str, nn.Module], sample: Tensor, machine: Machine
    ) -> None:
        self.run, self.plan, self.machine = run, plan, machine
        self.learner = networks[run.learner]
        self._stack = ExitStack()
        captures = {
            name: self._stack.enter_context(Capture(networks[name], points)) for name, points in points_of(plan).items()
        }
        self._learner_capture = captures.pop(run.learner)
        self._speakers = captures
        with seeded(run.training.seed, run.name, plan.name, "adapters"):
            self.objective = Objective(plan, self._trace(sample)).to(machine.device)
        names = set(parameters_upto(self.learner, plan.upto, sample))
        trained = [p for name, p in self.learner.named_parameters() if name in names]
        self.trained = sorted(names)
        self.parameters = [*trained, *self.objective.parameters()]
        self.optimizer = optimiser.build(run.training.optimizer, self.parameters)
        self.steps = plan.epochs * run.steps_per_epoch

    def close(self) -> None:
        """Take the hooks away."""
        self._stack.close()

    def _trace(self, sample: Tensor) -> dict[str, Features]:
        was_training = self.learner.training
        self.learner.eval()
        try:
            with torch.no_grad():
                return self._listen(sample)
        finally:
            self.learner.train(was_training)

    def _listen(self, images: Tensor) -> dict[str, Features]:
        """What every network says; the learner's part carries gradients where they are enabled."""
        with self.machine.autocast():
            with torch.no_grad():
                spoken = {name: capture(images) for name, capture in self._speakers.items()}
            spoken[self.run.learner] = self._learner_capture(images)
        return spoken

    def losses(self, batch: Batch, epoch: float) -> Losses:
        """The stage's losses on a batch."""
        spoken = self._listen(batch.images)
        losses: Losses = self.objective(spoken, batch.labels, epoch, {"index": batch.index})
        return losses

    def step(self, batch: Batch, epoch: int, step: int) -> dict[str, Tensor]:
        """One optimiser step; returns the detached losses by name."""
        rate = self.rate(step)
        optimiser.set_rate(self.optimizer, rate)
        losses = self.losses(batch, epoch)
        self.optimizer.zero_grad(set_to_none=True)
        groups = losses.groups.get(self.run.learner, {})
        if groups:
            self.objective.balances[self.run.learner].backward(groups, self.parameters)
            self._clip()
            self.optimizer.step()
            self.objective.advance()
        total = sum((loss.detach() for loss in groups.values()), start=batch.images.new_zeros(()))
        return {"loss": total, **{f"term.{name}": loss for name, loss in losses.terms.items()}}

    def rate(self, step: int) -> float:
        """The learning rate at ``step`` of the stage."""
        training = self.run.training
        factor = optimiser.factor(training.schedule, step, self.steps, self.run.steps_per_epoch)
        return training.optimizer.lr * self.plan.learning_rate_scale * factor

    def _clip(self) -> None:
        largest = self.run.training.gradient_clip
        if largest is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, largest)

    def describe(self) -> dict[str, Any]:
        """What tracing found out, for ``resolved.json``."""
        adapters = {
            module.plan.name: sum(p.numel() for p in module.adapter.parameters())
            for module in self.objective.terms
            if isinstance(module, TermModule) and module.adapter is not None
        }
        trained = sum(p.numel() for p in self.parameters)
        return {"trained_parameters": trained, "adapter_parameters": adapters, "upto": self.plan.upto}

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs beside the learner."""
        return {"objective": self.objective.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
