"""Cursors of lists that are walked by (created_at, id): opaque to clients, checked when they come back."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, literal, tuple_
from sqlalchemy.orm import Session

from store.columns import UTCDateTime
from store.errors import Invalid
from store.ids import is_id

LIMIT = 100
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page, newest first, and the cursor of the next one."""

    items: list[Row]
    next_cursor: str | None
    has_more: bool


def walk(
    session: Session, query: Select[Row], created: Any, id_: Any, *, prefix: str, limit: int, after: str | None
) -> Page[Row]:
    """A page of ``query``'s rows, which have ``created_at`` and ``id``, newest first.

    Args:
        created, id_: the columns of the index that is walked.
        prefix: of the rows' ids.

    Raises:
        Invalid: a cursor or limit that cannot be used.
    """
    if after is not None:
        moment, last = decode(after, prefix)
        query = query.where(tuple_(created, id_) < tuple_(literal(moment, UTCDateTime()), literal(last)))
    ordered = query.order_by(created.desc(), id_.desc())
    rows: list[Any] = list(session.scalars(ordered.limit(checked_limit(limit) + 1)))
    items, has_more = rows[:limit], len(rows) > limit
    return Page(items, encode(items[-1].created_at, items[-1].id) if has_more else None, has_more)


def encode(created_at: datetime, id_: str) -> str:
    """The cursor of what comes after this row."""
    text = json.dumps([created_at.isoformat(), id_])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, prefix: str) -> tuple[datetime, str]:
    """Moment and id of the last row that was seen.

    Raises:
        Invalid: not a cursor of a list of such ids.
    """
    try:
        created, id_ = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(created)
        if moment.tzinfo is None or not is_id(prefix, id_):
            raise ValueError("not ours")
    except (ValueError, TypeError, AttributeError):
        raise Invalid("invalid_cursor", "after: not a cursor of this list; leave it out to start.") from None
    return moment, id_


def checked_limit(limit: int) -> int:
    """``limit``, which lies between 1 and 100.

    Raises:
        Invalid: it does not.
    """
    if not 1 <= limit <= LIMIT:
        raise Invalid("invalid_limit", f"limit: {limit} is not between 1 and {LIMIT}.")
    return limit
