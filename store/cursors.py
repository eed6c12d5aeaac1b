"""Cursors of lists that are walked along an index: opaque to clients, checked when they come back."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, literal, tuple_
from sqlalchemy.orm import Session

from store.columns import UTCDateTime
from store.errors import Invalid
from store.ids import is_id

LIMIT = 100
NEWEST_FIRST = "-created_at"
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page, and the cursor of the next one."""

    items: list[Row]
    next_cursor: str | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by: one value of each row, and its id where values are equal.

    Attributes:
        name: of the value, with ``-`` before it when the largest is first.
        value, id_: the columns of the index that is walked.
        prefix: of the rows' ids.
    """

    name: str
    value: Any
    id_: Any
    prefix: str

    @property
    def by(self) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """For ORDER BY."""
        return (self.value.desc(), self.id_.desc()) if self._falls else (self.value.asc(), self.id_.asc())

    def beyond(self, cursor: str) -> ColumnElement[bool]:
        """What comes after the row of this cursor.

        Raises:
            Invalid: not a cursor of a list in this order.
        """
        value, last = decode(cursor, self.prefix, self.name)
        typed = literal(value, UTCDateTime() if isinstance(value, datetime) else self.value.type)
        own, seen = tuple_(self.value, self.id_), tuple_(typed, literal(last))
        return own < seen if self._falls else own > seen

    def cursor(self, row: Any) -> str:
        """The cursor of what comes after this row."""
        return encode(getattr(row, self.value.key), row.id, self.name)

    @property
    def _falls(self) -> bool:
        return self.name.startswith("-")


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
    order = Order(NEWEST_FIRST, created, id_, prefix)
    if after is not None:
        query = query.where(order.beyond(after))
    return page(session, query.order_by(*order.by), order, limit)


def page(session: Session, query: Select[Row], order: Order, limit: int) -> Page[Row]:
    """The first ``limit`` rows of a query that is in this order.

    Raises:
        Invalid: a limit that cannot be used.
    """
    rows: list[Any] = list(session.scalars(query.limit(checked_limit(limit) + 1)))
    items, has_more = rows[:limit], len(rows) > limit
    return Page(items, order.cursor(items[-1]) if has_more else None, has_more)


def encode(value: datetime | str, id_: str, order: str = NEWEST_FIRST) -> str:
    """The cursor of what comes after this row; it is good for its own order only."""
    place = [value.isoformat() if isinstance(value, datetime) else value, id_]
    text = json.dumps(place if order == NEWEST_FIRST else [*place, order], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, prefix: str, order: str = NEWEST_FIRST) -> tuple[datetime | str, str]:
    """Value and id of the last row that was seen.

    Raises:
        Invalid: not a cursor of a list of such ids in this order.
    """
    try:
        told, id_, *rest = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        value = datetime.fromisoformat(told) if order.endswith("_at") else str(told)
        aware = not isinstance(value, datetime) or value.tzinfo is not None
        if not aware or not is_id(prefix, id_) or rest != [order] * (order != NEWEST_FIRST):
            raise ValueError("not ours")
    except (ValueError, TypeError, AttributeError):
        raise Invalid("invalid_cursor", "after: not a cursor of this list; leave it out to start.") from None
    return value, id_


def checked_limit(limit: int) -> int:
    """``limit``, which lies between 1 and 100.

    Raises:
        Invalid: it does not.
    """
    if not 1 <= limit <= LIMIT:
        raise Invalid("invalid_limit", f"limit: {limit} is not between 1 and {LIMIT}.")
    return limit
