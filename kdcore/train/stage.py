"""One stage of one run, ready to step: its objective, captures, learners and their optimisers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.data.batches import Batch
from kdcore.objective.points import Capture, Features
from kdcore.objective.stages import parameters_upto
from kdcore.objective.terms import Losses, Objective, TermModule, points_of
from kdcore.seeds import seeded
from kdcore.spec.job import Optimizer
from kdcore.spec.plan import RunPlan, StagePlan
from kdcore.train import optimiser
from kdcore.train.machine import Machine


class Learner:
    """One network that learns in a stage: its parameters, the adapters of its terms, and its optimiser."""

    def __init__(
        self, name: str, network: nn.Module, names: Sequence[str], objective: Objective, options: Optimizer
    ) -> None:
        self.name, self.network = name, network
        chosen = set(names)
        own = [p for own_name, p in network.named_parameters() if own_name in chosen]
        self.parameters = [*own, *objective.parameters_of(name)]
        self.balance = objective.balances[name]
        self.optimizer = optimiser.build(options, [*self.parameters, *self.balance.parameters()])


class Stage:
    """The step of one stage.

    Args:
        run, plan: of the stage.
        networks: every network by name; those that do not learn are frozen.
        sample: a few pictures to trace shapes with, in evaluation mode so that nothing changes.
        machine: where it runs.
    """

    def __init__(
        self, run: RunPlan, plan: StagePlan, networks: Mapping[str, nn.Module], sample: Tensor, machine: Machine
    ) -> None:
        self.run, self.plan, self.machine = run, plan, machine
        self._stack = ExitStack()
        self._captures = {
            name: self._stack.enter_context(Capture(networks[name], points)) for name, points in points_of(plan).items()
        }
        self._networks = [networks[name] for name in run.learners]
        with seeded(run.training.seed, run.name, plan.name, "adapters"):
            self.objective = Objective(plan, self._trace(sample)).to(machine.device)
        self.learners = [self._learner(name, networks[name], sample) for name in self._taught()]
        self.steps = plan.epochs * run.steps_per_epoch

    def _taught(self) -> list[str]:
        """The learners that some term of this stage teaches."""
        taught = {term.to for term in self.plan.terms}
        return [name for name in self.run.learners if name in taught]

    def _learner(self, name: str, network: nn.Module, sample: Tensor) -> Learner:
        upto = self.plan.upto if name == self.run.learner else None
        names = parameters_upto(network, upto, sample)
        return Learner(name, network, names, self.objective, self.run.training.optimizer)

    def close(self) -> None:
        """Take the hooks away."""
        self._stack.close()

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """All learners in evaluation mode, and back."""
        before = [network.training for network in self._networks]
        for network in self._networks:
            network.eval()
        try:
            yield
        finally:
            for network, mode in zip(self._networks, before, strict=True):
                network.train(mode)

    def _trace(self, sample: Tensor) -> dict[str, Features]:
        with self.evaluating(), torch.no_grad():
            return self._listen(sample)

    def _listen(self, images: Tensor) -> dict[str, Features]:
        """What every network says; the learners' parts carry gradients where they are enabled."""
        spoken = {}
        with self.machine.autocast():
            for name, capture in self._captures.items():
                with torch.set_grad_enabled(torch.is_grad_enabled() and name in self.run.learners):
                    spoken[name] = capture(images)
        return spoken

    def losses(self, batch: Batch, epoch: float) -> Losses:
        """The stage's losses on a batch."""
        spoken = self._listen(batch.images)
        losses: Losses = self.objective(spoken, batch.labels, epoch, {"index": batch.index})
        return losses

    def step(self, batch: Batch, epoch: int, step: int) -> dict[str, Tensor]:
        """One optimiser step of every learner; returns the detached losses by name."""
        rate = self.rate(step)
        losses = self.losses(batch, epoch)
        pulls: dict[str, Tensor] = {}
        for learner in self.learners:
            readings = self._move(learner, losses.groups.get(learner.name, {}), rate)
            pulls |= {f"balance.{learner.name}.{name}": value.detach() for name, value in readings.items()}
        self.objective.advance()
        groups = losses.groups.get(self.run.learner, {})
        total = sum((loss.detach() for loss in groups.values()), start=batch.images.new_zeros(()))
        return {"loss": total, **{f"term.{name}": loss for name, loss in losses.terms.items()}, **pulls}

    def _move(self, learner: Learner, groups: dict[str, Tensor], rate: float) -> dict[str, Tensor]:
        """One step of one learner; the terms' gradients end at their ``to``, so learners do not disturb each other."""
        if not groups:
            return {}
        optimiser.set_rate(learner.optimizer, rate)
        learner.optimizer.zero_grad(set_to_none=True)
        readings = learner.balance.backward(groups, learner.parameters)
        largest = self.run.training.gradient_clip
        if largest is not None:
            torch.nn.utils.clip_grad_norm_(learner.parameters, largest)
        learner.optimizer.step()
        return readings

    def rate(self, step: int) -> float:
        """The learning rate at ``step`` of the stage."""
        training = self.run.training
        factor = optimiser.factor(training.schedule, step, self.steps, self.run.steps_per_epoch)
        return training.optimizer.lr * self.plan.learning_rate_scale * factor

    def describe(self) -> dict[str, Any]:
        """What tracing found out, for ``resolved.json``."""
        adapters = {
            module.plan.name: sum(p.numel() for p in module.adapter.parameters())
            for module in self.objective.terms
            if isinstance(module, TermModule) and module.adapter is not None
        }
        trained = {learner.name: sum(p.numel() for p in learner.parameters) for learner in self.learners}
        return {"trained_parameters": trained, "adapter_parameters": adapters, "upto": self.plan.upto}

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs beside the learners' networks."""
        optimizers = {learner.name: learner.optimizer.state_dict() for learner in self.learners}
        return {"objective": self.objective.state_dict(), "optimizers": optimizers}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.objective.load_state_dict(state["objective"])
        for learner in self.learners:
            learner.optimizer.load_state_dict(state["optimizers"][learner.name])
