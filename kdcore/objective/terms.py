"""An objective at work: the terms of one stage over what the captured networks say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.errors import EngineError
from kdcore.objective.adapters import Adapter, adapter
from kdcore.objective.balance import Balance, balance
from kdcore.objective.council import combined
from kdcore.objective.distances import Context, Distance, distance
from kdcore.objective.distances.base import cut, precise
from kdcore.objective.padding import at_point, unpadded
from kdcore.objective.points import Features
from kdcore.objective.shared import once, sharing
from kdcore.objective.stages import value_at
from kdcore.spec.plan import LABELS, StagePlan, TermPlan
from kdcore.spec.points import LOGITS
from kdcore.spec.rooms import DISTANCES
from kdcore.spec.terms import LIST_ADAPTERS

Spoken = Mapping[str, Features]
"""What every network said on a batch: network name, then point."""


@dataclass(frozen=True)
class Cast:
    """What terms are built from beside their plan.

    Attributes:
        spoken: what the networks say on a sample batch; adapters and distances take their shapes from it.
        networks: every network by name, for the classifiers that some distances look at.
        samples: pictures in the training split.
        named: adapters that live across stages, by name; filled as terms ask for new ones.
    """

    spoken: Spoken
    networks: Mapping[str, nn.Module] = field(default_factory=dict)
    samples: int = 0
    named: nn.ModuleDict = field(default_factory=nn.ModuleDict)


class TermModule(nn.Module):
    """One term: its adapter where one is needed, and a distance for each pair that comes out of it."""

    def __init__(self, plan: TermPlan, cast: Cast) -> None:
        super().__init__()
        self.plan = plan
        self._heads = self._find_heads(cast.networks)
        if plan.source == LABELS:
            self.adapter: Adapter | None = None
            self.distances = nn.ModuleList([self._distance()])
            return
        students, teachers = self._features(cast.spoken, {})
        self.adapter = self._adapter(cast, students, teachers)
        students, teachers = self._traced(students, teachers)
        count = 1 if self._distance().joint else len(students)
        self.distances = nn.ModuleList([self._distance() for _ in range(count)])
        for one, student, teacher in zip(self.distances, students, teachers, strict=False):
            assert isinstance(one, Distance)
            one.size(tuple(student.shape), tuple(teacher.shape), cast.samples)
            one.follows_adapter = self.adapter is not None
        self._try_out(cast.spoken)

    @torch.no_grad()
    def _try_out(self, spoken: Spoken) -> None:
        """Measure the sample once, so that a distance which cannot look at its layers says so before training."""
        count = len(next(iter(spoken[self.plan.to].values())))
        index = torch.arange(count)
        labels = self.measures()[0].trial(count).to(next(iter(spoken[self.plan.to].values())).device)
        self.eval()
        try:
            self(spoken, labels, {"index": index, "epoch": 0.0, "step": 0})
        except ValueError as error:
            raise EngineError("layer_not_found", f"term {self.plan.name!r}: {error}", "/method") from None
        finally:
            self.train()

    def _distance(self) -> Distance:
        return distance(self.plan.distance.kind, **self.plan.distance.options)

    def _find_heads(self, networks: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
        """The networks and classifiers that the distance looks at; not this module's own, so no parameters of it."""
        plan, heads = self.plan, {}
        for need, name in (("student_network", self.plan.to), ("teacher_network", self.plan.source)):
            if need in DISTANCES[plan.distance.kind].needs and name in networks:
                heads[need] = networks[name]
        if plan.student_head is not None and plan.to in networks:
            heads["student_head"] = networks[plan.to].get_submodule(plan.student_head)
        if plan.teacher_head is not None and plan.source in networks:
            heads["teacher_head"] = networks[plan.source].get_submodule(plan.teacher_head)
        return _Unregistered(heads)

    def _adapter(self, cast: Cast, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> Adapter | None:
        asked = self.plan.adapter
        if asked is None:
            return None
        if asked.name is not None and asked.name in cast.named:
            shared = cast.named[asked.name]
            assert isinstance(shared, Adapter)
            return shared
        shapes = [[tuple(one.shape) for one in side] for side in (students, teachers)]
        try:
            built = adapter(asked.kind, shapes[0], shapes[1], **asked.options)
        except ValueError as error:
            raise EngineError("layer_not_found", f"term {self.plan.name!r}: {error}", "/method") from None
        if asked.name is not None:
            cast.named[asked.name] = built
        return built.to(students[0].device)

    def _features(self, spoken: Spoken, context: Context) -> tuple[list[Tensor], list[Tensor]]:
        """The tensors of both sides: pair by pair, or each layer once for an adapter that looks at them together.

        Adapters and distances find zeros where the context's ``mask`` [B, L] says that there is padding.
        """
        plan = self.plan
        to, source = [pair.to for pair in plan.pairs], [pair.source for pair in plan.pairs]
        if plan.adapter is not None and plan.adapter.kind in LIST_ADAPTERS:
            to, source = list(dict.fromkeys(to)), list(dict.fromkeys(source))
        students = [unpadded(once(context, precise, spoken[plan.to][point]), at_point(context, point)) for point in to]
        if plan.council:
            voices = [once(context, cut, spoken[name][LOGITS]) for name in plan.council]
            return students, [once(context, combined, voices, plan.combine)]
        seen = to if len(to) == len(source) else source
        teachers = [once(context, cut, spoken[plan.source][point]) for point in source]
        return students, [unpadded(one, at_point(context, at)) for one, at in zip(teachers, seen, strict=True)]

    def _adapted(
        self, students: list[Tensor], teachers: list[Tensor], context: Context
    ) -> tuple[list[Tensor], list[Tensor]]:
        if self.adapter is None:
            return students, teachers
        adapted: tuple[list[Tensor], list[Tensor]] = once(context, self.adapter, students, teachers)
        return adapted

    @torch.no_grad()
    def _traced(self, students: list[Tensor], teachers: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """What comes out of the adapter, looked at without moving its statistics."""
        self.eval()
        adapted = self._adapted(students, teachers, {})
        self.train()
        return adapted

    def forward(self, spoken: Spoken, labels: Tensor, context: Context) -> Tensor:
        """The unweighted loss of this term, summed over its pairs by their weights."""
        plan = self.plan
        context = {**context, **self._heads, **self._logits(spoken, context)}
        if plan.source == LABELS:
            return torch.as_tensor(self.distances[0](spoken[plan.to][LOGITS], None, labels, context=context))
        students, teachers = self._adapted(*self._features(spoken, context), context)
        points = [pair.to for pair in plan.pairs]
        if len(self.distances) < len(students):  # a joint distance
            context = (
                at_point(context, points[0]) if len({point.partition(".")[0] for point in points}) == 1 else context
            )
            return torch.as_tensor(self.distances[0](students, teachers, labels, context=context))
        points = points if len(points) == len(students) else [""] * len(students)
        weights = [pair.weight for pair in plan.pairs] if len(plan.pairs) == len(students) else [1.0] * len(students)
        losses = [
            weight * one(student, teacher, labels, context=at_point(context, point))
            for one, student, teacher, weight, point in zip(
                self.distances, students, teachers, weights, points, strict=True
            )
        ]
        return torch.stack(losses).sum()

    def _logits(self, spoken: Spoken, context: Context) -> dict[str, Tensor]:
        if not self.plan.reads_logits:
            return {}
        own, followed = spoken[self.plan.to][LOGITS], spoken[self.plan.source][LOGITS]
        return {"student_logits": once(context, precise, own), "teacher_logits": once(context, cut, followed)}

    def measures(self) -> list[Distance]:
        """The distances, typed: one for each pair, or one for all."""
        return [one for one in self.distances if isinstance(one, Distance)]

    def advance(self) -> None:
        """Once per optimiser step: what the distances remember moves on."""
        for one in self.measures():
            one.advance()


class _Unregistered(dict[str, Any]):
    """A dict that ``nn.Module`` takes for a plain value."""


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
        cast: what the terms are built from.
    """

    def __init__(self, plan: StagePlan, cast: Cast) -> None:
        super().__init__()
        self.plan = plan
        self.terms = nn.ModuleList([TermModule(term, cast) for term in plan.terms])
        self.balances: Mapping[str, Balance] = nn.ModuleDict(
            {name: balance(kind.kind, groups_of(plan, name), **kind.options) for name, kind in plan.balance.items()}
        )  # type: ignore[assignment]
        self.dropped: frozenset[str] = frozenset()

    def forward(self, spoken: Spoken, labels: Tensor, epoch: float, context: Context) -> Losses:
        """The losses of a batch at ``epoch`` of the stage; terms that are dropped or weigh nothing are not computed."""
        losses, context = Losses({}), sharing(context)
        for module in self.modules_of_terms():
            plan = module.plan
            weight = value_at(plan.weight, epoch)
            if weight == 0 or plan.name in self.dropped:
                continue
            loss = module(spoken, labels, context)
            losses.terms[plan.name] = loss.detach()
            groups = losses.groups.setdefault(plan.to, {})
            groups[plan.group] = groups.get(plan.group, loss.new_zeros(())) + weight * loss
        return losses

    def modules_of_terms(self) -> list[TermModule]:
        """The terms, typed."""
        return [module for module in self.terms if isinstance(module, TermModule)]

    def parameters_of(self, learner: str) -> list[nn.Parameter]:
        """Parameters of the adapters and distances whose terms teach ``learner``, each once."""
        taught = [module for module in self.modules_of_terms() if module.plan.to == learner]
        return list(dict.fromkeys(parameter for module in taught for parameter in module.parameters()))

    def advance(self) -> None:
        """Once per optimiser step: memory banks, queues and moments move on."""
        for module in self.modules_of_terms():
            module.advance()


def groups_of(stage: StagePlan, learner: str) -> list[str]:
    """The groups of the terms that teach a learner, in the stage's order."""
    return list(dict.fromkeys(term.group for term in stage.terms if term.to == learner))


def points_of(stage: StagePlan) -> dict[str, list[str]]:
    """The points that a stage reads, by network."""
    points: dict[str, list[str]] = {}
    for term in stage.terms:
        if term.source == LABELS or term.reads_logits:
            points.setdefault(term.to, []).append(LOGITS)
        if term.reads_logits:
            points.setdefault(term.source, []).append(LOGITS)
        for pair in term.pairs:
            points.setdefault(term.to, []).append(pair.to)
            for name in term.speakers:
                points.setdefault(name, []).append(pair.source)
    for learner, point in stage.balance_points.items():
        points.setdefault(learner, []).append(point)
    return {network: list(dict.fromkeys(names)) for network, names in points.items()}
