"""``If-Match``: act only on the version that was read (RFC 9110, section 13.1.1)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header
from sqlalchemy.orm import Session

from api.content import has_tag
from api.errors import Refused

IfMatch = Annotated[str | None, Header(alias="If-Match", description="act only on this version, as its ETag says")]


def tag(version: int) -> str:
    """The ETag of what has a version."""
    return f'"{version}"'


def check_version(session: Session, row: Any, wanted: str | None) -> None:
    """Hold the row, and refuse with 412 what was meant for another version of it."""
    if wanted is None:
        return
    session.refresh(row, with_for_update={"key_share": True})
    if not has_tag(wanted, tag(row.version), weak=False):
        message = f"{row.id} is at version {row.version}; read it again and decide anew"
        raise Refused("precondition_failed", message)
