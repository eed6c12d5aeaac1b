"""Cursors of lists that are walked by (created_at, id): opaque to clients, checked when they come back."""

from __future__ import annotations

import base64
import json
from datetime import datetime

from store.errors import Invalid
from store.ids import is_id

LIMIT = 100


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
