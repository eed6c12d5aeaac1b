"""One network that learns in a stage: what is trained, at which rates, and how a step is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.objective.balance import DOT
from kdcore.objective.terms import Objective
from kdcore.spec.rates import rate_of
from kdcore.spec.training import Training
from kdcore.train import optimiser


class Learner:
    """A learning network, the adapters of its terms, its balance, and its optimiser.

    Args:
        name, network: which.
        names: its parameters that this stage trains.
        objective: of the stage.
        training: of the run.
        rates: factors on the learning rate by prefix of a parameter's name, the longest prefix wins; 0 leaves out.
        rate: factor on all of them, the adapters' included.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        names: Sequence[str],
        objective: Objective,
        training: Training,
        rates: Mapping[str, float],
        rate: float = 1.0,
    ) -> None:
        self.name, self.network, self.training, self.rate = name, network, training, rate
        scaled = {own: rate_of(own, rates) for own in names}
        trained = {own: p for own, p in network.named_parameters() if scaled.get(own)}
        adapters = objective.parameters_of(name)
        self.balance = objective.balances[name]
        self.parameters = [*trained.values(), *adapters]
        groups = [optimiser.Group([p], scaled[own]) for own, p in trained.items() if scaled[own] != 1]
        plain = [p for own, p in trained.items() if scaled[own] == 1]
        groups.insert(0, optimiser.Group([*plain, *adapters]))
        groups.append(optimiser.Group(list(self.balance.parameters()), decay=False))
        kept = self.balance.momentum if isinstance(self.balance, DOT) else None
        self.optimizer = optimiser.build(training.optimizer, groups, kept_elsewhere=kept)
        self._kernels = optimiser.kernels(network, self.parameters) if training.max_norm is not None else []

    def begin(self) -> None:
        """Before the backward passes of a step, also of one that is taken again."""
        self.optimizer.zero_grad(set_to_none=True)
        self.balance.begin()

    def move(self, rate: float) -> dict[str, Tensor]:
        """The step, from the gradients that were gathered; returns the balance's readings."""
        optimiser.set_rate(self.optimizer, self.rate * rate)
        readings = self.balance.finish(self.parameters)
        if self.training.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.training.gradient_clip)
        optimiser.lay_out_gradients(self.optimizer)
        optimiser.begin_momentum(self.optimizer)
        self.optimizer.step()
        if self.training.max_norm is not None:
            optimiser.limit(self._kernels, self.training.max_norm)
        return readings

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return self.optimizer.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.optimizer.load_state_dict(state)
