"""An objective at work: the terms of one stage over what the captured networks say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import starmap

import torch
from torch import Tensor, nn

from kdcore.errors import EngineError
from kdcore.objective.adapters import Adapter, adapter
from kdcore.objective.balance import Balance, balance
from kdcore.objective.distances import Context, distance
from kdcore.objective.points import Features
from kdcore.objective.stages import value_at
from kdcore.spec.objective import Kind
from kdcore.spec.plan import LABELS, StagePlan, TermPlan
from kdcore.spec.points import LOGITS

Spoken = Mapping[str, Features]
"""What every network said on a batch: network name, then point."""


class TermModule(nn.Module):
    """One term: its distance, and its adapter where one is needed."""

    def __init__(self, plan: TermPlan, spoken: Spoken) -> None:
        super().__init__()
        self.plan = plan
        self.distance = distance(plan.distance.kind, **plan.distance.options)
        self.adapter = self._adapter(plan.adapter, spoken)

    def _adapter(self, kind: Kind | None, spoken: Spoken) -> Adapter | None:
        if kind is None:
            return None
        plan = self.plan
        shapes = [tuple(spoken[plan.to][pair.to].shape) for pair in plan.pairs]
        followed = [tuple(spoken[plan.source][pair.source].shape) for pair in plan.pairs]
        try:
            return adapter(kind.kind, shapes, followed, **kind.options)
        except ValueError as error:
            raise EngineError("layer_not_found", f"term {plan.name!r}: {error}", "/method") from None

    def forward(self, spoken: Spoken, labels: Tensor, context: Context) -> Tensor:
        """The unweighted loss of this term, summed over its pairs by their weights."""
        plan = self.plan
        if plan.source == LABELS:
            return self._measure(spoken[plan.to][LOGITS], None, labels, context)
        students = [spoken[plan.to][pair.to] for pair in plan.pairs]
        teachers = [spoken[plan.source][pair.source] for pair in plan.pairs]
        if self.adapter is not None:
            students, teachers = self.adapter(students, teachers)
        losses = starmap(
            lambda s, t, pair: pair.weight * self._measure(s, t, labels, context),
            zip(students, teachers, plan.pairs, strict=True),
        )
        return torch.stack(list(losses)).sum()

    def _measure(self, student: Tensor, teacher: Tensor | None, labels: Tensor, context: Context) -> Tensor:
        loss: Tensor = self.distance(student, teacher, labels, context=context)
        return loss


@dataclass(frozen=True)
class Losses:
    """A step's losses.

    Attributes:
        terms: unweighted, by term.
        groups: weighted sums, by learner and group.
    """

    terms: dict[str, Tensor]
    groups: dict[str, dict[str, Tensor]] = field(default_factory=dict)


class Objective(nn.Module):
    """The terms of one stage, their adapters and their balances: everything of a method that is not a network.

    Args:
        plan: the stage.
        spoken: what the networks say on a sample batch; adapters are built from these shapes.
    """

    def __init__(self, plan: StagePlan, spoken: Spoken) -> None:
        super().__init__()
        self.plan = plan
        self.terms = nn.ModuleList([TermModule(term, spoken) for term in plan.terms])
        self.balances: Mapping[str, Balance] = nn.ModuleDict(
            {learner: balance(kind.kind, **kind.options) for learner, kind in plan.balance.items()}
        )  # type: ignore[assignment]

    def forward(self, spoken: Spoken, labels: Tensor, epoch: float, context: Context) -> Losses:
        """The losses of a batch at ``epoch`` of the stage; terms whose weight is zero are not computed."""
        losses = Losses({})
        for module in self.terms:
            assert isinstance(module, TermModule)
            plan = module.plan
            weight = value_at(plan.weight, epoch)
            if weight == 0:
                continue
            loss = module(spoken, labels, context)
            losses.terms[plan.name] = loss.detach()
            groups = losses.groups.setdefault(plan.to, {})
            groups[plan.group] = groups.get(plan.group, loss.new_zeros(())) + weight * loss
        return losses

    def parameters_of(self, learner: str) -> list[nn.Parameter]:
        """Parameters of the adapters and distances whose terms teach ``learner``."""
        taught = [module for module in self.terms if isinstance(module, TermModule) and module.plan.to == learner]
        return [parameter for module in taught for parameter in module.parameters()]

    def advance(self) -> None:
        """Once per optimiser step: memory banks, queues and moments move on."""
        for module in self.terms:
            assert isinstance(module, TermModule)
            module.distance.advance()


def points_of(stage: StagePlan) -> dict[str, list[str]]:
    """The points that a stage reads, by network."""
    points: dict[str, list[str]] = {}
    for term in stage.terms:
        if term.source == LABELS:
            points.setdefault(term.to, []).append(LOGITS)
        for pair in term.pairs:
            points.setdefault(term.to, []).append(pair.to)
            points.setdefault(term.source, []).append(pair.source)
    return {network: list(dict.fromkeys(names)) for network, names in points.items()}
