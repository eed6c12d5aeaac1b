"""Pieces named in a spec: the name alone, or with its options beside it."""

from __future__ import annotations

from typing import Any

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from kdcore.spec.base import Name, ShortName, Strict


class Named(Strict):
    """A name with options, which may be written as the name alone, or with the options beside it."""

    options: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        own = {field.alias or name for name, field in cls.model_fields.items()} | set(cls.model_fields)
        key = next(name for name in cls.model_fields if name != "options")
        if isinstance(value, str):
            return {key: value}
        if isinstance(value, dict) and set(value) - own and isinstance(value.get("options", {}), dict):
            beside = {name: option for name, option in value.items() if name not in own}
            named = {name: value[name] for name in own & set(value)}
            return {**named, "options": {**named.get("options", {}), **beside}}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """All three spellings, as the published schema has to allow them."""
        written_out = handler.resolve_ref_schema(handler(core))
        written_out["additionalProperties"] = True
        return {"anyOf": [{"type": "string"}, written_out], "title": cls.__name__}


class Kind(Named):
    """A registered piece by name, with its options beside it: ``{kind: kl, temperature: 4}`` or just ``kl``.

    Attributes:
        kind: name in the room's table.
        options: everything else that was written beside ``kind``.
    """

    kind: Name


class AdapterKind(Kind):
    """An adapter by kind, with its options beside it.

    Attributes:
        name: adapters of one name are one module, in any term and stage; those without end with their stage.
    """

    name: ShortName | None = None


class PresetRef(Named):
    """A method by name, with options: ``{preset: fitnet, temperature: 4}`` or just ``fitnet``."""

    preset: Name
