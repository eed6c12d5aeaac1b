"""An example of every answer, made from its schema, so that none is forgotten and none grows old."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_FORMATS = {"date-time": "2026-11-27T08:00:00Z", "date": "2026-11-27", "binary": "..."}
_TYPES: dict[str, Any] = {"string": "...", "integer": 1, "number": 1.0, "boolean": True, "null": None}
_BY_NAME: dict[str, Any] = {
    "name": "digits-hints",
    "method": "fitnet",
    "dataset": "digits",
    "teacher": "resnet20",
    "student": "resnet8",
    "resource_class": "cpu",
    "labels": {"team": "vision"},
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "digest": "5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456",
    "media_type": "application/octet-stream",
    "scopes": ["jobs:read"],
    "events": ["job.succeeded", "job.failed"],
    "url": "https://example.com/hooks/distillery",
    "path": "runs/distil/state.pt",
    "hint": "dk_7GhT2",
    "has_more": False,
    "next_cursor": None,
    "error": None,
}
"""What is better said than made up, by the name of a property; taken where the schema allows it."""


def example_of(schema: Schema, schemas: dict[str, Schema], name: str = "") -> Any:
    """A value that the schema allows.

    Args:
        schemas: what ``$ref`` leads to, by name.
        name: of the property that the schema is for.
    """
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    for told in ("const", "default"):
        if schema.get(told) is not None:
            return schema[told]
    if found := schema.get("examples") or schema.get("enum"):
        return found[0]
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return None if _is_better_empty(options, name) else example_of(_best(options), schemas, name)
    if name in _BY_NAME and _is(schema, _BY_NAME[name]):
        return _BY_NAME[name]
    return _made(schema, schemas)


def _best(options: list[Schema]) -> Schema:
    return next((option for option in options if option.get("type") != "null"), options[0])


def _is_better_empty(options: list[Schema], name: str) -> bool:
    """Whether nothing says more than a text that we would make up, or is the usual case."""
    best = _best(options)
    plain = best.get("type") == "string" and not {"format", "examples", "enum"} & set(best) and name not in _BY_NAME
    return {"type": "null"} in options and (plain or _BY_NAME.get(name, "") is None)


def _is(schema: Schema, value: Any) -> bool:
    kinds = {str: "string", bool: "boolean", dict: "object", list: "array"}
    return schema.get("type") == kinds.get(type(value))


def _made(schema: Schema, schemas: dict[str, Schema]) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return {name: example_of(part, schemas, name) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        parts = schema.get("prefixItems") or ([schema["items"]] if isinstance(schema.get("items"), dict) else [])
        return [example_of(part, schemas) for part in parts]
    return _FORMATS.get(schema.get("format", ""), _TYPES.get(str(kind)))
