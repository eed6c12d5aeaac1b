"""What all resources share: JSON of the engine's, what a POST makes, pages and paths."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, WithJsonSchema


def document(description: str, **properties: str) -> Any:
    """JSON that the engine wrote: described to readers, and never refused because a worker is newer than we are."""
    shown = {name: {"type": kind} for name, kind in properties.items()}
    schema = {"type": "object", "description": description, "additionalProperties": True}
    return WithJsonSchema(schema | ({"properties": shown} if shown else {}))


Document = dict[str, Any]
ErrorJson = Annotated[
    Document,
    document("why the job failed; log_tail holds its last lines", code="string", message="string"),
]
AnyJson = Annotated[Document, document("see docs")]


class Created(BaseModel):
    """What a POST makes; ``collection`` is the path of all of its kind."""

    collection: ClassVar[str]
    id: str

    @property
    def location(self) -> str:
        """Its path."""
        return f"{self.collection}/{self.id}"

    @property
    def rings(self) -> str | None:
        """The resource class of the workers that wait for it, where some do."""
        return None

    def remembered(self) -> Self:
        """What a repeated request may be answered with."""
        return self


Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """One page of a list; ask for the next one with ``after=next_cursor``."""

    object: Literal["list"] = "list"
    data: list[Item]
    has_more: bool = False
    next_cursor: str | None = None


def job_path(job_id: str, *parts: str) -> str:
    """The path of a job or of something under it."""
    return "/".join(["/v1/jobs", job_id, *(quote(part, safe="") for part in parts)])
