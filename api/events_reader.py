"""How the hub reads events: each call has a session of its own, and only while it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from api import queries, resources
from api.hub import Frame
from api.limits import STREAM_BATCH
from store import events
from store.database import Database
from store.models import Event


def frame(row: Event) -> Frame:
    """An event as a message; JSON has no line breaks of its own."""
    text = f"id: {row.seq}\nevent: {row.type}\ndata: {resources.event(row).model_dump_json()}\n\n"
    return Frame(row.seq, text.encode(), row.type == "end")


class EventReader:
    """Reads frames."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def many(self, cursors: Mapping[str, int]) -> Mapping[str, Sequence[Frame]]:
        """The next events of several jobs."""
        with self._database.read() as session:
            rows = queries.events_of(session, cursors)
        found: dict[str, list[Frame]] = {}
        for row in rows:
            found.setdefault(row.job_id, []).append(frame(row))
        return found

    def one(self, job_id: str, seq: int) -> Sequence[Frame]:
        """The next events of one job."""
        with self._database.read() as session:
            rows = events.after(session, job_id, seq, STREAM_BATCH)
        return [frame(row) for row in rows]
