"""What every balance keeps to: losses by group in, the gradient of one optimiser step out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from kdcore.objective.balance.gradients import Reduce, Rows, add_rows, combine, gram_of, pulls, reduce_all, reduce_rows
from kdcore.spec.rooms.balances import BalanceOptions

Readings = dict[str, Tensor]
"""What is worth recording, by name: scalars. A step may have others than the step before."""


@dataclass
class Seen:
    """What the micro-batches of a step have left so far.

    Attributes:
        losses: sums by group, detached, in float64.
        rows: sums of the groups' gradients, where the step needs them apart.
        gram: sum of the Gram matrices at the point that the balance looks at.
        epoch: where in its stage the step is.
    """

    losses: dict[str, Tensor] = field(default_factory=dict)
    rows: Rows = field(default_factory=dict)
    gram: Tensor | None = None
    epoch: float = 0.0

    def add_losses(self, groups: Mapping[str, Tensor]) -> None:
        """Add a micro-batch's losses."""
        for name, loss in groups.items():
            value = loss.detach().double()
            self.losses[name] = self.losses[name] + value if name in self.losses else value


class Balance(nn.Module):
    """How a learner's groups of losses become its gradient.

    A step is one call of ``accumulate`` for each micro-batch, whose losses are already divided by their number, and
    one of ``finish``; ``backward`` is both for a step of one batch. The gradients must have been zeroed before.
    Balances that weigh the groups' gradients collect them over all micro-batches, which is exact. Those whose one
    backward pass must know its weights before the last micro-batch is seen weigh each with what was seen so far.

    A group may be missing in a step, as one whose terms have weight zero. The state is in the state dict, between
    steps; parameters, where a balance has some, get their gradients in ``finish`` and belong to the learner's
    optimiser, without weight decay.

    Args:
        options: validated.
        groups: names of the groups of the learner's terms, in a fixed order.

    Attributes:
        looks_again: whether ``after_step`` wants the losses before and after the optimiser's step.
        owns_momentum: whether the gradients that it leaves hold momentum already: the optimiser's must be 0.
        reduce: mean over processes, set by a distributed run. What ``finish`` leaves are then the gradients of all
            processes, equal in each: they need no further averaging.
    """

    looks_again: ClassVar[bool] = False
    owns_momentum: ClassVar[bool] = False

    def __init__(self, options: BalanceOptions, groups: Sequence[str]) -> None:
        super().__init__()
        fault = options.fault(groups)
        if fault is not None:
            raise ValueError(fault)
        self.groups = tuple(groups)
        self.measure_every: int = getattr(options, "measure_every", 0)
        self.reduce: Reduce | None = None
        self._steps = 0
        self._seen = Seen()

    def backward(
        self,
        groups: Mapping[str, Tensor],
        parameters: Sequence[nn.Parameter],
        shared: Sequence[Tensor] = (),
        *,
        epoch: float = 0.0,
    ) -> Readings:
        """Fill ``.grad`` of the parameters from one batch.

        Args:
            groups: losses by group.
            parameters: of the learner, its adapters included.
            shared: the learner's features at the point that the options' ``looks_at`` names, as in the graph.
            epoch: where in its stage the step is, counted from 0.

        Returns:
            readings, which need not be waited for.

        Raises:
            ValueError: a group that the balance was not made for, or features that it lacks.
        """
        self.accumulate(groups, parameters, shared, epoch=epoch)
        return self.finish(parameters)

    def begin(self) -> None:
        """Before the first micro-batch of a step: what a pass that did not reach its end has left is dropped."""
        self._seen = Seen()

    def accumulate(
        self,
        groups: Mapping[str, Tensor],
        parameters: Sequence[nn.Parameter],
        shared: Sequence[Tensor] = (),
        *,
        epoch: float = 0.0,
    ) -> None:
        """Add a micro-batch to the step; arguments and errors as ``backward``."""
        unknown = set(groups) - set(self.groups)
        if unknown:
            raise ValueError(f"no group {', '.join(sorted(unknown))} here; known: {', '.join(self.groups)}")
        self._seen.add_losses(groups)
        self._seen.epoch = epoch
        if self._looks() or self._measures():
            add_rows(self._seen.rows, groups, parameters)
        else:
            self._one_pass(groups, parameters, shared)

    def _one_pass(
        self, groups: Mapping[str, Tensor], parameters: Sequence[nn.Parameter], shared: Sequence[Tensor]
    ) -> None:
        """Weigh first, then one backward pass of the weighted sum."""
        self._peek(groups, shared)
        factors = dict(zip(self._names(), self._weights(), strict=True))
        pulling = [factors[name].to(loss.dtype) * loss for name, loss in groups.items() if loss.requires_grad]
        if pulling and parameters:
            torch.autograd.backward(torch.stack(pulling).sum(), inputs=list(parameters))

    def finish(self, parameters: Sequence[nn.Parameter]) -> Readings:
        """End the step: the gradients of all its micro-batches, the readings, and the balance's state moved on."""
        try:
            return self._combine(parameters) if self._seen.rows else self._gather(parameters)
        finally:
            self._seen = Seen()
            self._steps += 1

    def after_step(self, before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> Readings:
        """Learn from what the step did; only called when ``looks_again``, once per optimiser step.

        Args:
            before, after: detached losses by group, on the same data in the same mode, averaged over micro-batches.
        """
        return {}

    def weights(self, names: Sequence[str], losses: Tensor, gram: Tensor | None) -> Tensor:
        """Factors on the losses' gradients.

        Args:
            names: the groups of this step.
            losses: theirs, float64.
            gram: inner products of their gradients, float64; None in a step that does not look at gradients.
        """
        raise NotImplementedError

    def _looks(self) -> bool:
        """Whether this step needs each group's gradient."""
        return False

    def _measures(self) -> bool:
        return self.measure_every > 0 and self._steps % self.measure_every == 0

    def _peek(self, groups: Mapping[str, Tensor], shared: Sequence[Tensor]) -> None:
        """Look at the features of a micro-batch before its one backward pass."""

    def _settle(self, names: Sequence[str], losses: Tensor, gram: Tensor | None) -> None:
        """Move the state by one step, once its weights have been used."""

    def _fill(self, names: Sequence[str], weights: Tensor, parameters: Sequence[nn.Parameter]) -> list[Tensor | None]:
        """The step's gradient from its rows."""
        return combine([self._seen.rows[name] for name in names], list(weights))

    def _readings(self, names: Sequence[str], weights: Tensor) -> Readings:
        """What a step's weights are recorded as."""
        return by_name("weight", names, weights)

    def _names(self) -> list[str]:
        """The groups seen in this step, in the balance's order."""
        return [name for name in self.groups if name in self._seen.losses]

    def _losses(self) -> Tensor:
        losses = torch.stack([self._seen.losses[name] for name in self._names()])
        return losses if self.reduce is None else self.reduce(losses)

    def _weights(self) -> Tensor:
        return self.weights(self._names(), self._losses(), self._seen.gram)

    def _combine(self, parameters: Sequence[nn.Parameter]) -> Readings:
        """From gradients apart to the step's; all numbers of the groups are worked out on the CPU."""
        names, losses = self._names(), self._losses().cpu()
        if self.reduce is not None:
            self._seen.rows = reduce_rows(self._seen.rows, self.reduce)
        gram = gram_of([self._seen.rows[name] for name in names]).cpu()
        sound = bool(gram.isfinite().all() and losses.isfinite().all())
        # What is not finite is reported by the loop, which knows the terms; it must not enter the balance's state.
        weights = self.weights(names, losses, gram) if sound else torch.ones_like(losses)
        for parameter, part in zip(parameters, self._fill(names, weights, parameters), strict=True):
            parameter.grad = part
        if not sound:
            return {}
        self._settle(names, losses, gram)
        return self._readings(names, weights) | pulls(names, gram)

    def _gather(self, parameters: Sequence[nn.Parameter]) -> Readings:
        """The gradients are there; bring the processes and the state together."""
        names, losses = self._names(), self._losses()
        weights = self.weights(names, losses, self._seen.gram)
        if self.reduce is not None:
            reached = [parameter for parameter in parameters if parameter.grad is not None]
            means = reduce_all([p.grad for p in reached if p.grad is not None], self.reduce)
            for parameter, mean in zip(reached, means, strict=True):
                parameter.grad = mean
        self._settle(names, losses, None)
        return self._readings(names, weights)

    def _places(self, names: Sequence[str]) -> list[int]:
        return [self.groups.index(name) for name in names]

    def _pick(self, held: Tensor, names: Sequence[str]) -> Tensor:
        """A copy of what the state holds for these groups; an index of places would have to travel to the device."""
        return held.detach().clone() if len(names) == len(self.groups) else held.detach()[self._places(names)]

    def _put(self, held: Tensor, names: Sequence[str], values: Tensor) -> None:
        """Write what the state holds for these groups."""
        if len(names) == len(self.groups):
            held.copy_(values)
        else:
            held[self._places(names)] = values.to(held)

    def get_extra_state(self) -> dict[str, Any]:
        """What the state dict holds beside tensors."""
        return {"steps": self._steps}

    def set_extra_state(self, state: Any) -> None:
        """Go on from a state dict."""
        self._steps = int(state["steps"])


def by_name(kind: str, names: Sequence[str], values: Tensor) -> Readings:
    """One reading for each group: ``weight`` is the factor on its gradient, ``share`` its part of a learned one.

    Shares are what a saturation alarm watches.
    """
    return {f"{kind}.{name}": value.detach() for name, value in zip(names, values, strict=True)}
