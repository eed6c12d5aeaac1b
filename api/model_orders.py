"""Bodies that bring a model: by its format and where it lies, or the job whose student is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field

from api.bodies import Body
from api.errors import Fault, Refused
from api.orders import Brought, Description, ThingChange, add_order, fixed, read_order, without
from kdcore.spec.base import JobName, Name, Strict
from kdcore.spec.bringing.models import AnyModel, BringingModel, parse_model

FORMATS: Mapping[str, type[BringingModel]] = {
    str(get_args(model.model_fields["format"].annotation)[0]): model for model in get_args(get_args(AnyModel)[0])
}
"""The options' model of each format."""
AliasName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class DatasetPick(Strict):
    """A dataset of the project whose task, input and classes a model was made for."""

    id: Name
    version: int | None = Field(default=None, ge=1)


class BroughtModel(Brought):
    """What a body says beside the options of its format, and for which dataset the model was made."""

    dataset: DatasetPick | None = Field(default=None, description="whose task, input and classes it was made for")


class KeptModel(Body):
    """Keep the student of a finished job as a model."""

    from_job: Annotated[str, Field(max_length=40, examples=["job_01k8t2v4x6a8c0e2g4h6j8k0m2"])]
    name: JobName | None = Field(default=None, description="of the model; not for a further version of one")
    description: Description = ""
    licence: Name | None = None


class ModelChange(ThingChange):
    """What to change about a model; what is left out stays."""


class AliasOrder(Body):
    """The version that an alias is to name."""

    version: int = Field(ge=1)


def kept_order(body: Mapping[str, Any], *, named: bool) -> KeptModel:
    """A body that keeps a job's student.

    Args:
        named: whether it makes a new model, which has a name.

    Raises:
        Refused: every fault, with its pointer.
    """
    order = KeptModel.model_validate(KeptModel.of(body))
    if named and order.name is None:
        faults = [Fault(pointer="/name", code="missing_field", detail="a new model has a name")]
        raise Refused("invalid_request", "the model has no name", errors=faults)
    known = [] if named else [name for name in ("name", "description", "licence") if name in body]
    if known:
        faults = [Fault(pointer=f"/{name}", code="unknown_field", detail=fixed("model")) for name in known]
        raise Refused("invalid_request", "a version cannot say that", errors=faults)
    return order


def model_order(body: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], BroughtModel]:
    """The options of a model as they were given, and where it lies; they are validated once they are whole."""

    def as_given(options: dict[str, Any]) -> dict[str, Any]:
        parse_model(options)
        return options

    return read_order("model", body, known, BroughtModel, as_given, ["from_job"])


def model_schemas(reference: str) -> dict[str, dict[str, Any]]:
    """Schemas of the bodies, by name, with those that they refer to.

    Args:
        reference: how one refers to another, with ``{model}`` for its name.
    """
    schemas: dict[str, dict[str, Any]] = {}
    pick = (DatasetPick | None, None)
    names = ["KeptModel", *(add_order(schemas, reference, model, dataset=pick) for model in FORMATS.values())]
    kept = KeptModel.model_json_schema(by_alias=True, ref_template=reference)
    schemas |= {"KeptModel": kept, "KeptModelVersion": without(kept, "name", "licence", "description")}
    schemas["ModelOrder"] = {"anyOf": [{"$ref": reference.format(model=name)} for name in names]}
    schemas["ModelVersionOrder"] = {"anyOf": [{"$ref": reference.format(model=f"{name}Version")} for name in names]}
    return schemas
