"""How a user brings a dataset: one model of options for each format, chosen by ``format``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError

from kdcore.spec.base import Problem, SpecError, problems_of, suggestion
from kdcore.spec.bringing.base import Bringing, Cut, Size
from kdcore.spec.bringing.boxes import AnyBoxes
from kdcore.spec.bringing.pictures import AnyPictures
from kdcore.spec.bringing.rows import RowsReading
from kdcore.spec.bringing.rowwise import AnyRows

__all__ = ["FORMATS", "AnyDataset", "Bringing", "Cut", "Size", "bringing_schema", "parse_bringing"]

AnyFormat = AnyPictures | AnyBoxes | AnyRows
AnyDataset = Annotated[AnyFormat, Field(discriminator="format")]
"""Any way to bring a dataset, for schemas."""

FORMATS: Mapping[str, type[Bringing]] = {model.model_fields["format"].default: model for model in get_args(AnyFormat)}
"""The options' model of each format."""


def parse_bringing(data: Mapping[str, Any]) -> Bringing:
    """Validated options from decoded JSON or YAML.

    Raises:
        SpecError: every fault found, with a JSON pointer each.
    """
    name = data.get("format")
    model = FORMATS.get(name) if isinstance(name, str) else None
    if model is None:
        code, said = ("missing_field", "Field required") if name is None else ("unknown_format", f"no format {name!r}")
        raise SpecError([Problem(pointer="/format", code=code, message=f"{said}; {suggestion(str(name), FORMATS)}")])
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fields = {*model.model_fields, *Cut.model_fields, *Size.model_fields, *RowsReading.model_fields}
        raise SpecError(problems_of(error, sorted(fields))) from None


def bringing_schema() -> dict[str, Any]:
    """JSON schema of all formats."""
    return TypeAdapter[Any](AnyDataset).json_schema()
