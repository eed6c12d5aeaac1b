"""What a model that is brought was made for and from: a dataset's task, input and classes, and its parents."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.auth import Caller
from api.brought import DATASETS
from api.errors import Fault, Refused
from api.model_orders import BroughtModel
from kdcore.spec.bringing.models import parse_model
from kdcore.spec.cards import DatasetCard
from store import registry
from store.errors import NotFound


def whole_options(session: Session, caller: Caller, options: dict[str, Any], brought: BroughtModel) -> dict[str, Any]:
    """The options with what a dataset says of task, input and classes, every default filled in."""
    known: dict[str, Any] = {}
    if brought.dataset is not None:
        card = _dataset_card(session, caller, brought)
        known = {"task": card.task, "input": card.input.model_dump(mode="json"), "classes": card.target.classes}
    return parse_model({**known, **options}).model_dump(mode="json", by_alias=True)


def parents(session: Session, caller: Caller, brought: BroughtModel) -> list[dict[str, Any]]:
    """What a model that was brought was made from, as far as its user says."""
    found: list[dict[str, Any]] = [
        {"kind": "upload", "id": upload, "role": "source"} for upload in brought.source.uploads
    ]
    if brought.source.imported is not None:
        found.append({"kind": "import", "name": brought.source.imported, "role": "source"})
    if brought.dataset is not None:
        row = DATASETS.thing_row(session, caller, brought.dataset.id)
        number = brought.dataset.version or row.latest
        found.append({"kind": "dataset", "id": row.id, "version": number, "role": "dataset"})
    return found


def _dataset_card(session: Session, caller: Caller, brought: BroughtModel) -> DatasetCard:
    """The card of the dataset that a model was made for.

    Raises:
        Refused: there is none, or it is not ready.
    """
    pick = brought.dataset
    assert pick is not None
    try:
        row = DATASETS.thing_row(session, caller, pick.id)
        version = registry.get_version(session, DATASETS.shelf, row, pick.version or row.latest or row.versions)
    except NotFound as error:
        raise _fault("/dataset/id", "unknown_dataset", error.message) from None
    if version.card is None:
        raise _fault("/dataset/id", "dataset_not_ready", f"version {version.number} of {pick.id} is {version.status}")
    return DatasetCard.model_validate(version.card)


def _fault(pointer: str, code: str, message: str) -> Refused:
    return Refused("invalid_request", message, errors=[Fault(pointer=pointer, code=code, detail=message)])
