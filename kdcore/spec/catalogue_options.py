"""Options of an architecture checked against their schema: JSON Schema's words, a table and one function."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Mapping[str, Any]]

_TYPES: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "string": (str,),
}
_LIMITS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("at least", lambda value, limit: value >= limit),
    "exclusiveMinimum": ("more than", lambda value, limit: value > limit),
    "maximum": ("at most", lambda value, limit: value <= limit),
    "multipleOf": ("a multiple of", lambda value, limit: value % limit == 0),
    "enum": ("one of", lambda value, limit: value in limit),
}


class BadOption(ValueError):
    """An option that the architecture does not take, or a value that it cannot have.

    Attributes:
        option: name of the option.
        value: the refused value.
        reason: what would be right, as the end of a sentence.
    """

    def __init__(self, option: str, value: object, reason: str) -> None:
        self.option, self.value, self.reason = option, value, reason
        super().__init__(f"{option}={value!r}: {reason}")


def checked_options(architecture: str, schema: Schema, options: Mapping[str, Any]) -> dict[str, Any]:
    """``options`` with every default of ``schema`` filled in.

    Raises:
        BadOption: an unknown option, a wrong type or a value out of bounds.
    """
    for option, value in options.items():
        if option not in schema:
            raise BadOption(option, value, _unknown(architecture, schema, option))
        _check(option, value, schema[option])
    return {option: options.get(option, rule.get("default")) for option, rule in schema.items()}


def _unknown(architecture: str, schema: Schema, option: str) -> str:
    close = difflib.get_close_matches(option, schema, n=1)
    taken = f"did you mean {close[0]}?" if close else f"it takes {', '.join(schema) or 'no options'}"
    return f"{architecture} has no such option; {taken}"


def _check(option: str, value: Any, rule: Mapping[str, Any]) -> None:
    kind = rule["type"]
    right = isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not right or (isinstance(value, float) and not math.isfinite(value)):
        raise BadOption(option, value, f"must be a {kind}")
    for word, (sentence, holds) in _LIMITS.items():
        if word in rule and not holds(value, rule[word]):
            limit = ", ".join(map(str, rule[word])) if word == "enum" else rule[word]
            raise BadOption(option, value, f"must be {sentence} {limit}")
