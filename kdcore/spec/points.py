"""Names of places in a network: aliases resolved and module paths checked, without building the network."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kdcore.spec.base import suggestion
from kdcore.spec.catalogue import Description, LayerInfo

LOGITS = "logits"
_POINT = re.compile(r"^(?P<path>[^@#\s]+?)(?:@(?P<side>in|out))?(?:#(?P<call>\d+))?$")


@dataclass(frozen=True)
class Point:
    """A place where a network is looked at.

    Attributes:
        path: module path as in ``named_modules()``; ``logits`` for the network's output.
        side: ``in`` for what enters the module, ``out`` for what leaves it.
        call: which call of the module in one forward pass, from 0.
    """

    path: str
    side: str = "out"
    call: int = 0

    @classmethod
    def parse(cls, text: str) -> Point:
        """Read ``path[@in|@out][#call]``.

        Raises:
            ValueError: when the text has another form.
        """
        found = _POINT.match(text)
        if found is None:
            raise ValueError(f"{text!r} is no point; write a module path, with @in or @out and #call if needed")
        return cls(found["path"], found["side"] or "out", int(found["call"] or 0))

    def __str__(self) -> str:
        side = "" if self.side == "out" else f"@{self.side}"
        return f"{self.path}{side}" + (f"#{self.call}" if self.call else "")


@dataclass(frozen=True)
class Place:
    """A resolved point and the shape found there (without the batch), None where only the engine can know."""

    point: str
    shape: tuple[int, ...] | None


class UnknownLayer(LookupError):
    """The network has no such layer."""


def resolve(text: str, network: Description) -> list[Place]:
    """The places that ``text`` names in ``network``: one, or every block for ``features``.

    Raises:
        UnknownLayer: with the nearest layer names.
        ValueError: when the text is no point.
    """
    layers = {layer.path: layer for layer in network.layers}
    alias = {LOGITS: (network.classifier,), "features": network.features, "middle": (network.middle,)}
    if text == LOGITS:
        return [Place(LOGITS, network.output or layers[network.classifier].shape)]
    if text in alias:
        return [Place(path, layers[path].shape) for path in alias[text]]
    if text in network.aliases:
        return [place for name in network.aliases[text] for place in resolve(name, network)]
    point = Point(network.classifier, "in") if text == "penultimate" else Point.parse(text)
    if point.path not in layers:
        known = [*alias, "penultimate", *network.aliases, *layers]
        raise UnknownLayer(f"no layer {point.path!r}; {suggestion(point.path, known)}")
    return [Place(str(point), _shape(layers[point.path], point))]


def _shape(layer: LayerInfo, point: Point) -> tuple[int, ...] | None:
    calls = ((layer.input_shape, layer.shape), *layer.later)
    if point.call >= len(calls):
        raise UnknownLayer(f"{point.path!r} is called {len(calls)} times; #{point.call} counts from 0")
    return calls[point.call][0 if point.side == "in" else 1]
