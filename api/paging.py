"""Pages of lists: the parameters every list takes, and pages of what is small enough to be in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from api.errors import Fault, Refused
from api.limits import PAGE_DEFAULT, PAGE_MAX
from api.resources import Item, Page


class PageQuery(BaseModel):
    """How much of a list, and from where; an unknown parameter is an error, because it would filter nothing."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX, description="how many")
    after: str | None = Field(None, max_length=200, description="next_cursor of the page before")


Paging = Annotated[PageQuery, Query()]


def _no_number(value: Any) -> Any:
    try:
        float(value)
    except (TypeError, ValueError):
        return value
    raise ValueError("write a date as 2026-11-27 and a time as 2026-11-27T08:00:00Z")


Day = Annotated[date, BeforeValidator(_no_number)]
Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]
"""Seconds since 1970 are easily mistaken for milliseconds: not taken."""


def page_of(items: Iterable[Item], name: Callable[[Item], str], query: PageQuery) -> Page[Item]:
    """A page of ``items``, kept in their order; the cursor is the name of the last one."""
    rest = list(items)
    if query.after is not None:
        names = [name(item) for item in rest]
        if query.after not in names:
            raise bad_cursor()
        rest = rest[names.index(query.after) + 1 :]
    data, has_more = rest[: query.limit], len(rest) > query.limit
    return Page(data=data, has_more=has_more, next_cursor=name(data[-1]) if has_more else None)


def bad_cursor() -> Refused:
    """The refusal of a cursor that this service did not issue."""
    fault = Fault(parameter="after", code="invalid_cursor", detail="pass next_cursor of the page before, unchanged")
    return Refused("invalid_request", "the cursor is not one of this list", errors=[fault])
