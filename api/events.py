"""A job's story: as a list, and live as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from api import resources
from api.auth import Reader
from api.docs import problems
from api.errors import Refused
from api.limits import EVENTS_DEFAULT, EVENTS_MAX, STREAMS_MAX
from api.resources import Event, Page
from api.services import AppServices
from store import events, jobs
from store.states import FINAL

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["events"])

Sequence53 = Annotated[int, Field(ge=0, le=2**53)]


class EventsQuery(BaseModel):
    """Which part of the story."""

    model_config = ConfigDict(extra="forbid")

    after_seq: Sequence53 = Field(0, description="events with a larger seq")
    after: Sequence53 = Field(0, description="next_cursor of the page before: the same as after_seq")
    limit: int = Field(EVENTS_DEFAULT, ge=1, le=EVENTS_MAX)


class StreamQuery(BaseModel):
    """Where a stream begins, unless Last-Event-ID says so."""

    model_config = ConfigDict(extra="forbid")

    after_seq: Sequence53 = Field(0, description="events with a larger seq")


@router.get("/events", operation_id="listEvents", responses=problems(404, 422))
def list_events(
    caller: Reader, services: AppServices, job_id: str, query: Annotated[EventsQuery, Query()]
) -> Page[Event]:
    """What happened to a job, oldest first."""
    with services.database.read() as session:
        job = jobs.get_job(session, caller.project_id, job_id)
        rows = events.after(session, job.id, max(query.after_seq, query.after), query.limit + 1)
    data = [resources.event(row) for row in rows[: query.limit]]
    has_more = len(rows) > query.limit
    return Page(data=data, has_more=has_more, next_cursor=str(data[-1].seq) if has_more else None)


class EventStream(StreamingResponse):
    """Server-sent events whose watcher is let go as soon as the connection is."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes]) -> None:
        super().__init__(chunks, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._chunks = chunks

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        finally:
            await self._chunks.aclose()


_MESSAGE = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("id", "event", "data", "retry")},
    "required": ["event", "data"],
}
"""One message of a stream, field by field."""

_STREAM_RESPONSES = problems(404, 422) | {
    200: {
        "description": "one message an event: id is seq, event is type, data is the event; "
        "heartbeats carry no id; the last message is of type end",
        "content": {"text/event-stream": {"schema": _MESSAGE}},
    },
    204: {"description": "the job has ended and there is nothing after that number"},
}


@router.get(
    "/stream", operation_id="streamEvents", status_code=200, response_class=EventStream, responses=_STREAM_RESPONSES
)
def stream_events(
    caller: Reader,
    services: AppServices,
    job_id: str,
    query: Annotated[StreamQuery, Query()],
    last: Annotated[Sequence53 | None, Header(alias="Last-Event-ID")] = None,
) -> Response:
    """The story from a number on, and then live until the job ends."""
    with services.database.read() as session:
        job = jobs.get_job(session, caller.project_id, job_id)
    after = query.after_seq if last is None else last
    if job.status in FINAL and after >= job.event_seq:
        return Response(status_code=204)
    if services.hub.readers >= STREAMS_MAX:
        raise Refused("unavailable", "too many streams are open; try again", headers={"Retry-After": "5"})
    return EventStream(services.hub.stream(job.id, after, job.event_seq))
