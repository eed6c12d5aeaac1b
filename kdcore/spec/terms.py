"""From the language of an objective to its plan: every term's points, pairs, adapter and group decided or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import starmap

from kdcore.spec.base import Problem, pointer, suggestion
from kdcore.spec.cards import InputCard
from kdcore.spec.catalogue import Description
from kdcore.spec.composition import adapter_fault, fault_of, needs_logits
from kdcore.spec.generated import StudentTexts, WritingPlan, writing_plan
from kdcore.spec.matching import EMBEDDING, layer_pairs
from kdcore.spec.objective import AdapterKind, Kind, MethodSpec, PointPair, Ramp, Stage, Term
from kdcore.spec.plan import LABELS, LOGITS, STUDENT, TEACHER, PairPlan, StagePlan, TermPlan
from kdcore.spec.points import Place, UnknownLayer, resolve
from kdcore.spec.rates import product
from kdcore.spec.rooms import DISTANCES, BadPiece, piece_options
from kdcore.spec.rooms.balances import BalanceOptions
from kdcore.spec.rooms.matches import MatchOptions
from kdcore.spec.spans import spanned, with_spans
from kdcore.spec.tasks import TaskName, task_info
from kdcore.spec.translation import asks_classes

_TRAINS = re.compile(r"^(?P<network>\w[\w-]*)(?:\.upto\((?P<point>[^()]+)\))?$")

SIDES = {"encoder": "embedding", "decoder": "embedding#1"}
"""Sides of an encoder-decoder, whose layers are matched apart, and where each one's embedding is seen."""

LIST_ADAPTERS = {"fusion": "forward", "mixture": "all"}
"""Adapters that look at the layers of both sides together, instead of pair by pair, and the match that names them."""


class _Refused(Exception):
    """The term cannot be planned; its problems are recorded."""


@dataclass
class TermPlanner:
    """Plans the stages of one method and gathers what is wrong with them.

    Attributes:
        networks: what is known of every network by its name.
        learners: those that terms may teach; the first is the one that the method is for.
        optimizer: name of the optimiser that the learners have.
        rates: what the training says of the first learner's layers, whatever the stage.
        task: what the networks answer.
        given: what they get; only texts that a network writes have to know it.
        problems: filled while planning.
    """

    networks: Mapping[str, Description]
    learners: Sequence[str] = (STUDENT,)
    optimizer: str = "sgd"
    rates: Mapping[str, float] = field(default_factory=dict)
    task: TaskName = "classification"
    given: InputCard | None = None
    problems: list[Problem] = field(default_factory=list)

    def method(self, method: MethodSpec, at: str) -> tuple[StagePlan, ...]:
        """Every stage of ``method``, whose JSON pointer is ``at``."""
        found = (self._stage(stage, at + pointer("stages", i)) for i, stage in enumerate(method.stages))
        return tuple(stage for stage in found if stage is not None)

    def _refuse(self, at: str, code: str, message: str) -> _Refused:
        self.problems.append(Problem(pointer=at, code=code, message=message))
        return _Refused()

    def _stage(self, stage: Stage, at: str) -> StagePlan | None:
        terms = [self._try_term(term, at + pointer("terms", i)) for i, term in enumerate(stage.terms)]
        planned = _named([term for term in terms if term is not None and (term.pairs or term.source == LABELS)])
        try:
            upto = self._upto(stage.trains, at + pointer("trains"))
            self._check_rates(stage, at + pointer("layer_rates"))
            points = self._balance_points(stage, at)
            writing = self._writing(stage, at + pointer("generated_by"))
        except _Refused:
            return None
        taught = dict.fromkeys([term.to for term in planned] or [self.learners[0]])
        return StagePlan(
            name=stage.name,
            epochs=stage.epochs,
            upto=upto,
            terms=tuple(_with_spans(term, stage.epochs) for term in planned),
            balance={learner: stage.balance.get(learner, Kind(kind="fixed")) for learner in taught},
            learning_rate_scale=stage.learning_rate_scale,
            layer_rates=product(self.rates, stage.layer_rates),
            balance_points={learner: point for learner, point in points.items() if learner in taught},
            writing=writing,
        )

    def _writing(self, stage: Stage, at: str) -> WritingPlan | None:
        """Who writes a stage's texts, once it is known that there are texts, and something to learn from them."""
        asked = stage.generated_by
        if asked is None:
            return None
        if self.task != "generation" or self.given is None:
            message = f"texts are written for task generation (the dataset's task is {self.task}): leave it out"
            raise self._refuse(at, "not_for_task", message)
        if isinstance(asked, StudentTexts) and all(term.source == (LABELS,) for term in stage.terms):
            message = "nobody is followed on what the student writes: add a term with from: teacher, such as jsd"
            raise self._refuse(at, "nothing_to_compare", message)
        return writing_plan(asked, self.learners[0] if asked.by == STUDENT else TEACHER, self.given)

    def _upto(self, trains: str, at: str) -> str | None:
        found, learner = _TRAINS.match(trains), self.learners[0]
        if found is None or found["network"] not in (STUDENT, learner):
            raise self._refuse(at, "invalid_value", f"write '{learner}' or '{learner}.upto(POINT)' (got {trains!r})")
        if found["point"] is None:
            return None
        return self._places(found["point"], learner, at)[-1].point

    def _check_rates(self, stage: Stage, at: str) -> None:
        known = [layer.path for layer in self.networks[self.learners[0]].layers]
        for path in stage.layer_rates:
            if not any(layer == path or layer.startswith(path + ".") for layer in known):
                raise self._refuse(at + pointer(path), "unknown_layer", f"no layer {path!r}; {suggestion(path, known)}")

    def _balance_points(self, stage: Stage, at: str) -> dict[str, str]:
        """Where the balances of a stage look, for those that look at a point."""
        points = {}
        for learner, kind in stage.balance.items():
            where = at + pointer("balance", learner)
            if learner not in self.learners:
                message = f"{learner!r} is no network that learns here; {suggestion(learner, self.learners)}"
                raise self._refuse(where, "unknown_network", message)
            self._options("balance", kind, where)
            options = piece_options("balance", kind.kind, kind.options)
            assert isinstance(options, BalanceOptions)
            self._check_balance(options, stage, learner, kind.kind, where)
            if options.looks_at is not None:
                points[learner] = self._places(options.looks_at, learner, where + pointer("at"))[-1].point
        return points

    def _check_balance(self, options: BalanceOptions, stage: Stage, learner: str, kind: str, at: str) -> None:
        """A balance has to fit the groups that it weighs and the optimiser that it feeds."""
        fault = options.fault({_group(term) for term in stage.terms if term.to == learner})
        if fault is not None:
            raise self._refuse(at, "unknown_group", fault)
        if options.optimizers and self.optimizer not in options.optimizers:
            wanted = " or ".join(options.optimizers)
            message = f"balance {kind!r} works with optimizer {wanted} (got {self.optimizer!r})"
            raise self._refuse(at, "wrong_optimizer", message)

    def _options(self, room: str, kind: Kind, at: str) -> None:
        try:
            piece_options(room, kind.kind, kind.options)
        except BadPiece as error:
            for option, code, message in error.faults:
                self.problems.append(Problem(pointer=at + option, code=code, message=message))
            raise _Refused from None

    def _try_term(self, term: Term, at: str) -> TermPlan | None:
        try:
            return self._term(term, at)
        except _Refused:
            return None

    def _term(self, term: Term, at: str) -> TermPlan:
        self._options("distance", term.distance, at + pointer("distance"))
        source = self._who(term, at)
        piece = DISTANCES[term.distance.kind]
        if (source == LABELS) != (piece.reads == LABELS):
            wants = "labels" if piece.reads == LABELS else "a network, such as teacher,"
            message = f"distance {term.distance.kind!r} needs {wants} in 'from' (got {source!r})"
            raise self._refuse(at + pointer("from"), "wrong_source", message)
        self._check_task(term, at)
        pairs = () if piece.reads == LABELS else self._pairs(term, at)
        adapter = self._adapter(term, pairs, piece.reads, at)
        fault = fault_of(term, source, pairs, self.networks) or adapter_fault(term, adapter, pairs)
        if fault is not None:
            raise self._refuse(at + fault.pointer, fault.code, fault.message)
        heads = {"student_head", "teacher_head"} & set(piece.needs)
        self._check_open(source, at + pointer("distance"), bool(heads))
        return TermPlan(
            name=term.name or _term_name(term, source, self.learners[0]),
            to=term.to,
            source=source,
            council=term.source if len(term.source) > 1 else (),
            combine=term.combine,
            pairs=pairs,
            distance=term.distance,
            adapter=adapter,
            weight=term.weight,
            group=_group(term),
            student_head=self.networks[term.to].classifier if heads else None,
            teacher_head=self.networks[source].classifier if heads else None,
            reads_logits=needs_logits(term.distance),
        )

    def _check_task(self, term: Term, at: str) -> None:
        """A distance between answers has to be one between answers of this kind."""
        kind, piece, info = term.distance.kind, DISTANCES[term.distance.kind], task_info(self.task)
        answers = piece.reads in (LABELS, LOGITS)
        if not answers and "student_network" in piece.needs and self.task not in piece.tasks:
            message = f"distance {kind!r} is for task {' or '.join(piece.tasks)}, and the task is {self.task}: take mse"
            raise self._refuse(at + pointer("distance"), "not_for_task", message)
        wrong = answers and self.task not in piece.tasks
        if wrong or (not info.answers_classes and asks_classes(term.distance) and piece.reads == "features"):
            instead = info.label_loss if piece.reads == LABELS else info.output_loss
            message = f"distance {kind!r} compares classes, and the task is {self.task}: take {instead}"
            raise self._refuse(at + pointer("distance"), "not_for_task", message)

    def _who(self, term: Term, at: str) -> str:
        """Whom a term follows, as one name, once both sides are known to be there."""
        if term.to not in self.learners:
            known = term.to in self.networks
            what = f"{term.to!r} does not learn" if known else f"no network {term.to!r} here"
            message = f"{what}; {suggestion(term.to, self.learners)}"
            raise self._refuse(at + pointer("to"), "frozen_network" if known else "unknown_network", message)
        known_sources = (*self.networks, LABELS) if len(term.source) == 1 else (*self.networks,)
        for name in term.source:
            if name not in known_sources:
                message = f"no network {name!r} here; {suggestion(name, known_sources)}"
                raise self._refuse(at + pointer("from"), "unknown_network", message)
        if term.to in term.source:
            message = f"{term.to!r} cannot follow itself: name another network in 'from'"
            raise self._refuse(at + pointer("from"), "wrong_source", message)
        if len(term.source) > 1 and term.points != LOGITS:
            message = f"several teachers are combined at their logits (got points {term.points!r}): write one term each"
            raise self._refuse(at + pointer("points"), "several_teachers", message)
        return "+".join(term.source)

    def _places(self, point: str, network: str, at: str) -> list[Place]:
        self._check_open(network, at, point != LOGITS)
        try:
            return resolve(point, self.networks[network])
        except UnknownLayer as error:
            raise self._refuse(at, "unknown_layer", f"{network}: {error}") from None
        except ValueError as error:
            raise self._refuse(at, "invalid_value", str(error)) from None

    def _check_open(self, network: str, at: str, looks_inside: bool) -> None:
        """Nothing of a black box can be looked at but its outputs."""
        found = self.networks.get(network)
        if looks_inside and found is not None and found.black_box is not None:
            message = (
                f"{network} is {found.black_box}: nothing but its outputs can be compared; take a method on outputs, "
                "such as hinton, or points: logits"
            )
            raise self._refuse(at, "black_box", message)

    def _pairs(self, term: Term, at: str) -> tuple[PairPlan, ...]:
        where = at + pointer("points")
        names = (
            term.points if isinstance(term.points, PointPair) else PointPair(to=(term.points,), source=(term.points,))
        )
        to = [place for name in names.to for place in self._places(name, term.to, where)]
        source = [place for name in names.source for place in self._places(name, term.source[0], where)]
        usual = LIST_ADAPTERS.get(term.adapter.kind) if term.adapter is not None else None
        if term.match is None and len(to) == len(source) and usual is None:
            return tuple(starmap(_pair, zip(to, source, strict=True)))
        match = term.match or Kind(kind=usual or "forward")
        where = at + pointer("match")
        stacks = [self._stack(side, *pair) for pair in ((term.to, to), (term.source[0], source)) for side in SIDES]
        if not all(stacks):
            return self._matched(match, term, to, source, where)
        middle = len(SIDES)
        return tuple(
            pair
            for side, own, others in zip(SIDES, stacks[:middle], stacks[middle:], strict=True)
            for pair in self._matched(match, term, own, others, where, SIDES[side])
        )

    def _stack(self, side: str, network: str, places: Sequence[Place]) -> list[Place]:
        """Those places of an encoder-decoder that lie in one of its sides; of other networks none."""
        if f"{side}_features" not in self.networks[network].aliases:
            return []
        return [place for place in places if place.point.startswith(f"{side}.")]

    def _matched(
        self,
        match: Kind,
        term: Term,
        to: Sequence[Place],
        source: Sequence[Place],
        at: str,
        embedding: str = "embedding",
    ) -> tuple[PairPlan, ...]:
        self._options("match", match, at)
        options = piece_options("match", match.kind, match.options)
        assert isinstance(options, MatchOptions)
        try:
            pairs = layer_pairs(
                match.kind, len(to), len(source), k=options.k, seed=options.seed, embeddings=options.embeddings
            )
        except ValueError as error:
            raise self._refuse(at, "invalid_value", str(error)) from None
        own, others = dict(enumerate(to)), dict(enumerate(source))
        if options.embeddings:
            own[EMBEDDING] = self._places(embedding, term.to, at + pointer("embeddings"))[0]
            others[EMBEDDING] = self._places(embedding, term.source[0], at + pointer("embeddings"))[0]
        return tuple(_pair(own[p.student], others[p.teacher], p.weight) for p in pairs)

    def _adapter(self, term: Term, pairs: tuple[PairPlan, ...], reads: str, at: str) -> AdapterKind | None:
        if reads != "features":
            if term.adapter is not None:
                message = f"distance {term.distance.kind!r} compares {reads} and takes no adapter: leave it out"
                raise self._refuse(at + pointer("adapter"), "adapter_unused", message)
            return None
        if term.adapter is None and not DISTANCES[term.distance.kind].adapts:
            return None
        learned = term.match is not None and term.match.kind == "weighted"
        adapter = term.adapter or AdapterKind(kind="mixture" if learned else "auto")
        self._options("adapter", adapter, at + pointer("adapter"))
        if adapter.kind == "none":
            self._check_shapes(pairs, at + pointer("adapter"))
            return None
        return adapter

    def _check_shapes(self, pairs: tuple[PairPlan, ...], at: str) -> None:
        for pair in pairs:
            shapes = (pair.to_shape, pair.source_shape)
            if None not in shapes and shapes[0] != shapes[1]:
                message = (
                    f"{pair.to} has shape {shapes[0]} and {pair.source} {shapes[1]}: without an adapter they "
                    "cannot be compared; use adapter: auto"
                )
                raise self._refuse(at, "shapes_differ", message)


def _pair(to: Place, source: Place, weight: float = 1.0) -> PairPlan:
    return PairPlan(to=to.point, source=source.point, weight=weight, to_shape=to.shape, source_shape=source.shape)


def _term_name(term: Term, source: str, main: str) -> str:
    """``to`` and ``from`` are said where they are not the run's own network and the teacher."""
    points = term.points if isinstance(term.points, str) else "+".join(term.points.to)
    place = "" if points == LOGITS else f".{points}"
    speaker = "" if source in {LABELS, "teacher"} else f".{source}"
    learner = "" if term.to == main else f"{term.to}."
    return f"{learner}{term.distance.kind}{place}{speaker}"[:60]


def _group(term: Term) -> str:
    return term.group or ("task" if term.source == (LABELS,) else "distill")


def _named(terms: list[TermPlan]) -> list[TermPlan]:
    """The terms with distinct names: the second ``kl`` is ``kl-2``."""
    seen: dict[str, int] = {}
    result = []
    for term in terms:
        seen[term.name] = seen.get(term.name, 0) + 1
        count = seen[term.name]
        result.append(term if count == 1 else term.model_copy(update={"name": f"{term.name}-{count}"}))
    return result


def _with_spans(term: TermPlan, epochs: int) -> TermPlan:
    """A ramp without ``over`` spans what is left of its stage."""
    weight = spanned(term.weight, epochs) if isinstance(term.weight, Ramp) else term.weight
    return term.model_copy(update={"weight": weight, "distance": with_spans("distance", term.distance, epochs)})
