"""Numbers that are numbers: pydantic takes "5" and true for them, and its own strictness would refuse 5.0 and lists."""

from __future__ import annotations

from typing import Any, cast

from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_ASIDE = {"metadata", "serialization", "default", "cls", "config"}


def literal_numbers(schema: CoreSchema, model: type) -> CoreSchema:
    """A model's schema, in which a number is not taken from a text or a switch, nor a switch from anything else."""
    return cast(CoreSchema, _walked(schema, model))


def _walked(node: Any, model: type) -> Any:
    if isinstance(node, list | tuple):
        return type(node)(_walked(part, model) for part in node)
    if not isinstance(node, dict) or (
        node.get("type") == "model" and node["cls"] is not model
    ):  # other models see to themselves
        return node
    found = {name: part if name in _ASIDE else _walked(part, model) for name, part in node.items()}
    if found.get("type") == "bool":
        return {**found, "strict": True}
    if found.get("type") in ("int", "float"):
        return core_schema.no_info_before_validator_function(_number, cast(CoreSchema, found))
    return found


def _number(value: Any) -> Any:
    if isinstance(value, str | bool):
        raise PydanticCustomError("number_type", "Input should be a valid number")
    return value
