"""The small language of the catalogue's sizes: sums of products over input, classes, channels and width.

An expression such as ``48x*h1/2+1`` is a sum (``+``) of products (``*``) of atoms:

* ``7``: a constant; ``k``: the number of classes; ``c``: the channels of the input;
* ``a``, ``d``, ``f``, ``p``, ``e``, ``b``: attention heads, hidden channels, channels within perceptrons, positions,
  channels of queries, and buckets of relative positions, of transformers whose options say these numbers;
* ``48x``: 48 channels scaled by the width, see `scaled`;
* ``h31/32`` and ``w31/32``: ``(height + 31) // 32`` of the input, and the same of its width in pixels. A chain of
  convolutions and poolings always has this form, because nested floors of affine functions are one such floor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import prod

Atom = tuple[str, int, int]
_ATOM = re.compile(r"(?P<int>\d+)(?P<scaled>x)?|(?P<name>[kcadfpeb])|(?P<side>[hw])(?P<add>-?\d+)/(?P<by>\d+)")


@dataclass(frozen=True)
class Sizes:
    """What a network's sizes depend on: image height and width, classes, input channels, width multiplier, heads.

    From ``hidden`` on, they are 0 for networks without options of these meanings.
    `kdcore.spec.catalogue_inputs.Given` says what they are for inputs that are no pictures.
    """

    height: int
    width: int
    classes: int
    channels: int
    multiplier: float = 1.0
    heads: int = 1
    hidden: int = 0
    intermediate: int = 0
    positions: int = 0
    attention: int = 0
    buckets: int = 0


LETTERS = {
    "k": "classes",
    "c": "channels",
    "a": "heads",
    "d": "hidden",
    "f": "intermediate",
    "p": "positions",
    "e": "attention",
    "b": "buckets",
}
"""Sizes that expressions call by a letter."""

OPTIONS = {
    "width": "multiplier",
    "heads": "heads",
    "hidden": "hidden",
    "intermediate": "intermediate",
    "max_length": "positions",
    "attention_width": "attention",
    "buckets": "buckets",
}
"""Options of architectures that are sizes."""


def scaled(channels: int, width: float) -> int:
    """Channels at a width multiplier: ``max(1, round(channels * width))``, halves rounded to even as Python does."""
    return max(1, round(channels * width))


PATCHES = (2, 4, 7, 8, 14, 16)
"""Sides of a patch that vision transformers can have."""


def default_patch(side: int) -> int:
    """The patch that cuts a picture of ``side`` pixels into most nearly 8 x 8 pieces.

    Raises:
        ValueError: no patch divides the side.
    """
    fitting = [patch for patch in PATCHES if side % patch == 0]
    if not fitting:
        raise ValueError(f"no patch of {', '.join(map(str, PATCHES))} pixels divides a side of {side}")
    return min(fitting, key=lambda patch: abs(side // patch - 8))


SPANS = (1, 2, 4, 8, 16, 32, 64)
"""Steps of a series that transformers can take as one token."""


def default_span(length: int) -> int:
    """The span that cuts a series of ``length`` steps into most nearly 16 tokens."""
    return min(SPANS, key=lambda span: abs(-(-length // span) - 16))


@lru_cache(maxsize=4096)
def parse(expression: str) -> tuple[tuple[Atom, ...], ...]:
    """The sum of products that ``expression`` writes.

    Raises:
        ValueError: when it is no expression of this language.
    """
    return tuple(tuple(_atom(text) for text in product.split("*")) for product in expression.split("+"))


def _atom(text: str) -> Atom:
    found = _ATOM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no size; write 7, k, c, a, d, f, p, e, b, 48x, h31/32 or w31/32")
    if found["int"]:
        return ("x" if found["scaled"] else "1", int(found["int"]), 1)
    if found["name"]:
        return (found["name"], 0, 1)
    return (found["side"], int(found["add"]), int(found["by"]))


def multiplied(*expressions: str) -> str:
    """The product of expressions as one: sums are multiplied out."""
    found = [""]
    for expression in expressions:
        found = [f"{left}*{right}".lstrip("*") for left in found for right in expression.split("+")]
    return "+".join(found)


def evaluate(expression: str, sizes: Sizes) -> int:
    """The value of ``expression`` at ``sizes``."""
    return sum(prod(_value(atom, sizes) for atom in product) for product in parse(expression))


def _value(atom: Atom, sizes: Sizes) -> int:
    kind, number, by = atom
    match kind:
        case "1":
            return number
        case "x":
            return scaled(number, sizes.multiplier)
        case "h":
            return (sizes.height + number) // by
        case "w":
            return (sizes.width + number) // by
    value: int = getattr(sizes, LETTERS[kind])
    return value
