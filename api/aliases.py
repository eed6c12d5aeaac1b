"""Names that point at versions of a model, and where a version comes from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api import resources
from api.auth import Reader, Writer
from api.brought import MODELS
from api.docs import ALIAS_BODY, problems
from api.jsonbody import SmallJsonObject
from api.model_orders import AliasName, AliasOrder
from api.resources import Lineage, Model
from api.services import AppServices
from store import audit, lineage, model_registry

router = APIRouter(prefix="/v1/models/{model_id}", tags=["models"])


@router.put(
    "/aliases/{alias}",
    operation_id="setModelAlias",
    responses=problems(404, 409, 413, 415, 422),
    openapi_extra=ALIAS_BODY,
)
def set_model_alias(
    caller: Writer, services: AppServices, model_id: str, alias: AliasName, body: SmallJsonObject
) -> Model:
    """Point an alias, such as champion, at a version that is ready."""
    with services.database.write() as session:
        row = MODELS.thing_row(session, caller, model_id)
        number = AliasOrder.model_validate(AliasOrder.of(body)).version
        model_registry.set_alias(session, row, alias, number)
        audit.note(session, caller.actor, "model.alias", model_id, {"alias": alias, "version": number})
        return MODELS.shown(session, [row])[0]


@router.delete("/aliases/{alias}", operation_id="deleteModelAlias", status_code=204, responses=problems(404, 422))
def delete_model_alias(caller: Writer, services: AppServices, model_id: str, alias: AliasName) -> None:
    """Forget an alias; the version stays."""
    with services.database.write() as session:
        row = MODELS.thing_row(session, caller, model_id)
        model_registry.remove_alias(session, row, alias)
        audit.note(session, caller.actor, "model.delete_alias", model_id, {"alias": alias})


@router.get("/lineage", operation_id="getModelLineage", responses=problems(404, 422))
def get_model_lineage(
    caller: Reader,
    services: AppServices,
    model_id: str,
    version: Annotated[int | None, Query(ge=1, description="the newest when left out")] = None,
) -> Lineage:
    """What a version was made from and what was made from it, as nodes and edges."""
    with services.database.read() as session:
        row = MODELS.thing_row(session, caller, model_id)
        number = version or row.latest or row.versions
        return resources.lineage(lineage.lineage(session, row, number), f"{model_id}/{number}")
