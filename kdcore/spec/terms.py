"""From the language of an objective to its plan: every term's points, pairs, adapter and group decided or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import starmap

from kdcore.spec.base import Problem, pointer, suggestion
from kdcore.spec.catalogue import Description
from kdcore.spec.matching import layer_pairs
from kdcore.spec.objective import Kind, MethodSpec, PointPair, Ramp, Stage, Term
from kdcore.spec.plan import LABELS, STUDENT, PairPlan, StagePlan, TermPlan
from kdcore.spec.points import Place, UnknownLayer, resolve
from kdcore.spec.rooms import DISTANCES, BadPiece, piece_options
from kdcore.spec.rooms.matches import MatchOptions

_TRAINS = re.compile(r"^(?P<network>\w+)(?:\.upto\((?P<point>[^()]+)\))?$")


class _Refused(Exception):
    """The term cannot be planned; its problems are recorded."""


@dataclass
class TermPlanner:
    """Plans the stages of one method and gathers what is wrong with them.

    Attributes:
        networks: what is known of every network by its name.
        problems: filled while planning.
    """

    networks: Mapping[str, Description]
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
        try:
            upto = self._upto(stage.trains, at + pointer("trains"))
            self._check_balance(stage, at)
        except _Refused:
            return None
        planned = _named([term for term in terms if term is not None])
        return StagePlan(
            name=stage.name,
            epochs=stage.epochs,
            upto=upto,
            terms=tuple(_with_spans(term, stage.epochs) for term in planned),
            balance=stage.balance or {STUDENT: Kind(kind="fixed")},
            learning_rate_scale=stage.learning_rate_scale,
        )

    def _upto(self, trains: str, at: str) -> str | None:
        found = _TRAINS.match(trains)
        if found is None or found["network"] != STUDENT:
            raise self._refuse(at, "invalid_value", f"write 'student' or 'student.upto(POINT)' (got {trains!r})")
        if found["point"] is None:
            return None
        return self._places(found["point"], STUDENT, at)[-1].point

    def _check_balance(self, stage: Stage, at: str) -> None:
        for learner, kind in stage.balance.items():
            if learner not in self.networks:
                message = f"no network {learner!r}; {suggestion(learner, self.networks)}"
                raise self._refuse(at + pointer("balance", learner), "unknown_network", message)
            self._options("balance", kind, at + pointer("balance", learner))

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
        self._network(term.to, at + pointer("to"), ())
        self._network(term.source, at + pointer("from"), (LABELS,))
        reads = DISTANCES[term.distance.kind].reads
        if (term.source == LABELS) != (reads == LABELS):
            wants = "labels" if reads == LABELS else "a network, such as teacher,"
            message = f"distance {term.distance.kind!r} needs {wants} in 'from' (got {term.source!r})"
            raise self._refuse(at + pointer("from"), "wrong_source", message)
        pairs = () if reads == LABELS else self._pairs(term, at)
        adapter = self._adapter(term, pairs, reads, at)
        group = term.group or ("task" if term.source == LABELS else "distill")
        return TermPlan(
            name=term.name or _term_name(term),
            to=term.to,
            source=term.source,
            pairs=pairs,
            distance=term.distance,
            adapter=adapter,
            weight=term.weight,
            group=group,
        )

    def _network(self, name: str, at: str, also: tuple[str, ...]) -> None:
        known = (*self.networks, *also)
        if name not in known:
            raise self._refuse(at, "unknown_network", f"no network {name!r} here; {suggestion(name, known)}")

    def _places(self, point: str, network: str, at: str) -> list[Place]:
        try:
            return resolve(point, self.networks[network])
        except UnknownLayer as error:
            raise self._refuse(at, "unknown_layer", f"{network}: {error}") from None
        except ValueError as error:
            raise self._refuse(at, "invalid_value", str(error)) from None

    def _pairs(self, term: Term, at: str) -> tuple[PairPlan, ...]:
        where = at + pointer("points")
        names = (
            term.points if isinstance(term.points, PointPair) else PointPair(to=(term.points,), source=(term.points,))
        )
        to = [place for name in names.to for place in self._places(name, term.to, where)]
        source = [place for name in names.source for place in self._places(name, term.source, where)]
        if term.match is None and len(to) == len(source):
            return tuple(starmap(_pair, zip(to, source, strict=True)))
        return self._matched(term.match or Kind(kind="forward"), to, source, at + pointer("match"))

    def _matched(self, match: Kind, to: list[Place], source: list[Place], at: str) -> tuple[PairPlan, ...]:
        self._options("match", match, at)
        options = piece_options("match", match.kind, match.options)
        assert isinstance(options, MatchOptions)
        try:
            pairs = layer_pairs(match.kind, len(to), len(source), k=options.k, seed=options.seed)
        except ValueError as error:
            raise self._refuse(at, "invalid_value", str(error)) from None
        return tuple(_pair(to[p.student], source[p.teacher], p.weight) for p in pairs)

    def _adapter(self, term: Term, pairs: tuple[PairPlan, ...], reads: str, at: str) -> Kind | None:
        if reads != "features":
            if term.adapter is not None:
                message = f"distance {term.distance.kind!r} compares {reads} and takes no adapter: leave it out"
                raise self._refuse(at + pointer("adapter"), "adapter_unused", message)
            return None
        if term.adapter is None and not DISTANCES[term.distance.kind].adapts:
            return None
        adapter = term.adapter or Kind(kind="auto")
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


def _term_name(term: Term) -> str:
    points = term.points if isinstance(term.points, str) else "+".join(term.points.to)
    place = "" if points == "logits" else f".{points}"
    speaker = "" if term.source in {LABELS, "teacher"} else f".{term.source}"
    return f"{term.distance.kind}{place}{speaker}"[:60]


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
    if isinstance(term.weight, Ramp) and term.weight.over is None:
        span = max(epochs - term.weight.after, 1)
        return term.model_copy(update={"weight": term.weight.model_copy(update={"over": span})})
    return term
