"""Files that users bring."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.resources.base import Created
from store.models import Upload as UploadRow
from store.models import UploadPart as PartRow
from store.uploads import part_count


class Upload(Created):
    """A file that arrives in parts, in any order and several at a time."""

    collection = "/v1/uploads"
    object: Literal["upload"] = "upload"
    id: str = Field(examples=["up_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    name: str
    bytes: int
    part_bytes: int = Field(description="bytes of every part but the last, which may have fewer")
    parts: int = Field(description="how many parts there are in all, numbered from 1")
    status: Literal["open", "complete"]
    digest: str | None = Field(
        description="of a complete upload: sha256 over its parts' sha256, 32 bytes each, in order"
    )
    created_at: datetime
    expires_at: datetime = Field(description="when it is forgotten unless it is complete")
    completed_at: datetime | None


class UploadPart(BaseModel):
    """A part that has come."""

    object: Literal["upload_part"] = "upload_part"
    number: int
    sha256: str
    bytes: int
    created_at: datetime


def upload(row: UploadRow) -> Upload:
    """The upload of a row."""
    names = sorted(set(Upload.model_fields) - {"object", "parts"})
    fields = {name: getattr(row, name) for name in names}
    return Upload(**fields, parts=part_count(row.bytes, row.part_bytes))


def upload_part(row: PartRow) -> UploadPart:
    """The part of a row."""
    return UploadPart(number=row.number, sha256=row.sha256, bytes=row.bytes, created_at=row.created_at)
