"""Bodies that bring something: how it is described, by its format, and where it lies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, ValidationError, create_model, model_validator

from api.bodies import Body, Change
from api.errors import Fault, Refused
from kdcore.spec.base import JobName, Name, SpecError, Strict, problems_of
from kdcore.spec.bringing import FORMATS, Bringing, parse_bringing

UPLOADS_MAX = 100
Description = Annotated[str, Field(max_length=4000)]


class SourceOrder(Strict):
    """Where what is brought lies: complete uploads of the project, or a place that the operator named."""

    uploads: tuple[Annotated[str, Field(max_length=40)], ...] = Field(
        default=(), max_length=UPLOADS_MAX, description="ids (up_...); several lie beside each other, by their names"
    )
    imported: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        default=None, alias="import", description="place/file or place/folder", examples=["lake/scans/2026.zip"]
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.uploads) == (self.imported is not None):
            raise ValueError("give uploads or import: one of the two")
        if len(set(self.uploads)) < len(self.uploads):
            raise ValueError("uploads names one of them twice")
        return self


class Brought(Body):
    """What a body says beside the options of its format."""

    source: SourceOrder
    description: Description = ""


class ThingChange(Change):
    """What to change about a thing that was brought; what is left out stays."""

    name: JobName = "unchanged"
    description: Description = ""
    licence: Name | None = None


class DatasetChange(ThingChange):
    """What to change about a dataset; what is left out stays."""


Asked = TypeVar("Asked")
Beside = TypeVar("Beside", bound=Body)


def read_order(
    what: str,
    body: Mapping[str, Any],
    known: Mapping[str, Any] | None,
    beside: type[Beside],
    parse: Callable[[dict[str, Any]], Asked],
    words: Iterable[str] = (),
) -> tuple[Asked, Beside]:
    """The options of what is brought, and what the body says beside them.

    Args:
        known: fields that the thing has already, and that a further version cannot name.
        words: other fields that somebody who misspelt one may have meant.

    Raises:
        Refused: every fault, with its pointer.
    """
    known = known or {}
    ours = {name: body[name] for name in beside.model_fields if name in body}
    options = {name: value for name, value in body.items() if name not in beside.model_fields}
    faults = [Fault(pointer=f"/{name}", code="unknown_field", detail=fixed(what)) for name in known if name in body]
    brought = asked = None
    try:
        brought = beside.model_validate(ours)
    except ValidationError as error:
        found = problems_of(error, sorted({*beside.model_fields, "uploads", "import", *words}))
        faults += [Fault(pointer=p.pointer, code=p.code, detail=p.message) for p in found]
    try:
        asked = parse({**known, **options})
    except SpecError as error:
        faults += [Fault(pointer=p.pointer, code=p.code, detail=p.message) for p in error.problems]
    if faults or brought is None or asked is None:
        raise Refused("invalid_request", f"the {what} cannot be brought so", errors=faults)
    return asked, brought


def fixed(what: str) -> str:
    """Why a version cannot say what it has from its thing."""
    return f"a version has this from its {what}: change it there"


def dataset_order(body: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> tuple[Bringing, Brought]:
    """The options of a dataset, and where it lies; see ``read_order``."""
    return read_order("dataset", body, known, Brought, parse_bringing)


VERSION_KNOWS = ("name", "licence")
"""What every version of a thing has from it."""


def dataset_schemas(reference: str) -> dict[str, dict[str, Any]]:
    """Schemas of the bodies, by name, with those that they refer to.

    Args:
        reference: how one refers to another, with ``{model}`` for its name.
    """
    schemas: dict[str, dict[str, Any]] = {}
    names = {}
    for format_name, model in FORMATS.items():
        names[format_name] = name = add_order(schemas, reference, model)
        for schema in (schemas[name], schemas[f"{name}Version"]):
            schema["required"] = sorted({*schema["required"], "format"})
    schemas["DatasetOrder"] = _any(names, reference, "")
    schemas["DatasetVersionOrder"] = _any(names, reference, "Version")
    return schemas


def add_order(schemas: dict[str, dict[str, Any]], reference: str, model: type[Strict], **fields: Any) -> str:
    """Adds the schemas of the bodies that bring a format, for a new thing and for a further version of one.

    Args:
        fields: what such a body says beside the options, source and description.

    Returns: the name of the first.
    """
    fields = {"source": (SourceOrder, ...), "description": (Description, ""), **fields}
    order = create_model(f"Bring{model.__name__}", __base__=model, __doc__=model.__doc__, **fields)
    schema = order.model_json_schema(by_alias=True, ref_template=reference)
    schemas.update(schema.pop("$defs", {}))
    schemas[order.__name__] = schema
    schemas[f"{order.__name__}Version"] = without(schema, *VERSION_KNOWS, "description")
    return order.__name__


def without(schema: dict[str, Any], *names: str) -> dict[str, Any]:
    """The schema of a version's body: without what the thing says."""
    properties = {name: part for name, part in schema["properties"].items() if name not in names}
    required = [name for name in schema["required"] if name not in names]
    return {**schema, "properties": properties, "required": required, "title": f"{schema['title']}Version"}


def _any(names: Mapping[str, str], reference: str, ending: str) -> dict[str, Any]:
    paths = {format_name: reference.format(model=f"{name}{ending}") for format_name, name in names.items()}
    return {
        "oneOf": [{"$ref": path} for path in paths.values()],
        "discriminator": {"propertyName": "format", "mapping": paths},
    }
