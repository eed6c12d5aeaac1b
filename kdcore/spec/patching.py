"""Changes to a JSON document: merge patches, and values at pointers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """A document with a JSON merge patch (RFC 7396, section 2) applied."""
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            own = result.get(name)
            result[name] = merged(own if isinstance(own, Mapping) else {}, value)
        else:
            result[name] = value
    return result


def parts_of(pointer: str) -> list[str]:
    """The parts of a JSON pointer (RFC 6901, section 4); none of the empty one."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def placed(document: Any, pointer: str, value: Any) -> Any:
    """A document with another value at a JSON pointer; objects on the way are made, lists only entered.

    Raises:
        LookupError: the way leads through a list where it has no such place, or through what is neither.
    """
    return _placed(document, parts_of(pointer), value)


def _placed(document: Any, parts: list[str], value: Any) -> Any:
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if isinstance(document, list | tuple):
        if not first.isdigit() or int(first) >= len(document):
            raise LookupError(f"a list of {len(document)} has no place {first!r}")
        changed = list(document)
        changed[int(first)] = _placed(changed[int(first)], rest, value)
        return changed
    if not isinstance(document, Mapping):
        raise LookupError(f"{document!r} has no fields, so there is no {first!r} in it")
    return {**document, first: _placed(document.get(first, {}), rest, value)}
