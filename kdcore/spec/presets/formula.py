"""An objective as people read it: a line for each term, and what its pieces are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from kdcore.spec.generated import StudentTexts, TeacherTexts
from kdcore.spec.named import Kind
from kdcore.spec.networks import Further, PathNetwork
from kdcore.spec.numbers import Ramp
from kdcore.spec.objective import MethodSpec, PointPair, Stage, Term
from kdcore.spec.rooms import ROOMS


class PieceNote(BaseModel):
    """A piece that a method is made of, and where its formula comes from."""

    room: str
    kind: str
    summary: str
    source: str


def formula(method: MethodSpec) -> list[str]:
    """The objective line by line: networks, then for each stage what every learner minimises."""
    lines = [f"network {name}: {_network(network)}" for name, network in method.networks.items()]
    for stage in method.stages:
        share = f"stage {stage.name} ({stage.epochs} epochs, trains {stage.trains})"
        lines += [share, *(f"  {line}" for line in _stage(stage))]
    if method.delivers != "student":
        lines.append(f"delivers {method.delivers}")
    return lines


def _network(network: Any) -> str:
    if isinstance(network, PathNetwork):
        return f"{_written(Kind(kind=network.path, options=network.options))} through {network.of}"
    if isinstance(network, Further):
        what = network.architecture or f"a network like {network.like}"
        return f"{what}, trained first{f', taught by {network.follows}' if network.follows else ''}"
    return f"a network like {network.like} that learns beside it"


def _stage(stage: Stage) -> Iterator[str]:
    if stage.generated_by is not None:
        yield f"on texts {_texts(stage.generated_by)}"
    for learner in dict.fromkeys(term.to for term in stage.terms):
        own = [term for term in stage.terms if term.to == learner]
        yield f"L({learner}) = " + " + ".join(_term(term) for term in own)
        balance = stage.balance.get(learner)
        if balance is not None:
            yield f"balance of {learner}: {_written(balance)}"


def _texts(asked: TeacherTexts | StudentTexts) -> str:
    if isinstance(asked, StudentTexts):
        return f"that the student draws, in a share {asked.share:g} of the batches"
    return f"that the teacher wrote with {asked.beams} beams"


def _term(term: Term) -> str:
    speaker = "+".join(term.source)
    where = "" if term.points == "logits" else f" at {_points(term.points)}"
    through = "" if term.adapter is None else f" through {_written(term.adapter)}"
    matched = "" if term.match is None else f" matched {_written(term.match)}"
    return f"{_weight(term.weight)}{_written(term.distance)}[{speaker}{where}{matched}{through}]"


def _points(points: str | PointPair) -> str:
    if isinstance(points, str):
        return points
    return f"{', '.join(points.to)} ~ {', '.join(points.source)}"


def _weight(weight: float | Ramp) -> str:
    if isinstance(weight, Ramp):
        return f"({weight.start:g} → {weight.to:g})·"
    return "" if weight == 1 else f"{weight:g}·"


def _written(kind: Kind) -> str:
    options = ", ".join(f"{name} {_value(value)}" for name, value in kind.options.items() if value is not None)
    return f"{kind.kind}({options})" if options else kind.kind


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def pieces(method: MethodSpec) -> list[PieceNote]:
    """Every piece that the objective uses, each once, in order of appearance."""
    found = dict.fromkeys(_kinds(method))
    return [
        PieceNote(room=room, kind=kind, summary=ROOMS[room][kind].summary, source=ROOMS[room][kind].source)
        for room, kind in found
    ]


def _kinds(method: MethodSpec) -> Iterator[tuple[str, str]]:
    for network in method.networks.values():
        if isinstance(network, PathNetwork):
            yield "path", network.path
    for stage in method.stages:
        for term in stage.terms:
            yield "distance", term.distance.kind
            if term.match is not None:
                yield "match", term.match.kind
            if term.adapter is not None:
                yield "adapter", term.adapter.kind
        yield from (("balance", kind.kind) for kind in stage.balance.values())
