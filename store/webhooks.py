"""Who is told of jobs, monitors and studies: endpoints, and messages.

A message is written with what it tells of, so that none is lost.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, literal_column, select, update
from sqlalchemy.orm import Session

from store import cursors
from store.database import clock, now
from store.errors import Conflict, NotFound
from store.ids import is_id, new_id
from store.models import Job, JobState, Project, Study, StudyState, WebhookDelivery, WebhookEndpoint

PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"
TOLD = {
    JobState.RUNNING: "job.started",
    JobState.PAUSED: "job.paused",
    JobState.SUCCEEDED: "job.succeeded",
    JobState.FAILED: "job.failed",
    JobState.CANCELLED: "job.cancelled",
}
"""The states that are told of, and what the message is called."""
TOLD_OF_STUDIES = {
    StudyState.WAITING: "study.waiting",
    StudyState.SUCCEEDED: "study.succeeded",
    StudyState.FAILED: "study.failed",
    StudyState.CANCELLED: "study.cancelled",
}
TEST = "webhook.test"
ENDPOINTS_MAX = 20
HOLD_SECONDS = 60
"""For so long nobody else sends a message that somebody has begun to send."""
_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one try came to: the status that was answered, or the error that stood in the way."""

    status: int | None
    error: str | None = None
    ms: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the message arrived."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants no more messages."""
        return self.status == 410


def announce(session: Session, job: Job, to: JobState) -> None:
    """Writes a message for each endpoint of the job's project that listens to this, in the caller's transaction."""
    type_ = TOLD.get(to)
    if type_ is not None:
        tell(session, job.project_id, type_, _facts(job))


def announce_study(session: Session, study: Study, to: StudyState, counts: Mapping[str, int]) -> None:
    """Writes what a study has come to, and how many of its jobs are in each state, as ``announce`` does for a job."""
    type_ = TOLD_OF_STUDIES.get(to)
    if type_ is not None:
        names = ("id", "project_id", "kind", "name", "status", "reason", "version")
        facts = {"object": "study", **{name: getattr(study, name) for name in names}, "counts": dict(counts)}
        tell(session, study.project_id, type_, facts)


def tell(session: Session, project_id: str, type_: str, facts: dict[str, Any]) -> None:
    """Writes a message for each endpoint of the project that listens to ``type_``, in the caller's transaction."""
    listening = WebhookEndpoint.project_id == project_id, WebhookEndpoint.disabled_at.is_(None)
    for endpoint in session.scalars(select(WebhookEndpoint).where(*listening)):
        if type_ in endpoint.events:
            session.add(_message(session, endpoint, type_, facts))


def test_message(session: Session, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """A message that tells nothing, to try the endpoint."""
    delivery = _message(session, endpoint, TEST, {"endpoint_id": endpoint.id})
    session.add(delivery)
    session.flush()
    return delivery


def create_endpoint(session: Session, project_id: str, name: str, url: str, events: Iterable[str]) -> WebhookEndpoint:
    """A new endpoint.

    Raises:
        Conflict: the project has as many as it may.
    """
    session.scalars(select(Project.id).where(Project.id == project_id).with_for_update(key_share=True)).one()
    if len(list_endpoints(session, project_id)) >= ENDPOINTS_MAX:
        raise Conflict("too_many_endpoints", f"A project has {ENDPOINTS_MAX} webhook endpoints at most; delete one.")
    at, id_ = now(session), new_id("whk")
    endpoint = WebhookEndpoint(id=id_, project_id=project_id, name=name, url=url, events=list(events), created_at=at)
    session.add(endpoint)
    session.flush()
    return endpoint


def list_endpoints(session: Session, project_id: str) -> Sequence[WebhookEndpoint]:
    """A project's endpoints, the newest first."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.project_id == project_id)
    return session.scalars(query.order_by(WebhookEndpoint.created_at.desc(), WebhookEndpoint.id.desc())).all()


def get_endpoint(session: Session, project_id: str, endpoint_id: str) -> WebhookEndpoint:
    """The endpoint.

    Raises:
        NotFound: there is none of that id in the project.
    """
    found = session.get(WebhookEndpoint, endpoint_id) if is_id("whk", endpoint_id) else None
    if found is None or found.project_id != project_id:
        raise NotFound("webhook endpoint", endpoint_id)
    return found


def change_endpoint(session: Session, endpoint: WebhookEndpoint, changes: Mapping[str, Any]) -> WebhookEndpoint:
    """Gives the endpoint another name, url or events, or switches it: ``enabled`` False holds its messages back."""
    fields = dict(changes)
    enabled = fields.pop("enabled", None)
    if enabled is not None and enabled == (endpoint.disabled_at is not None):
        _switch(session, endpoint, None if enabled else "disabled by a request")
        endpoint.version += 1
    if any(getattr(endpoint, name) != value for name, value in fields.items()):
        for name, value in fields.items():
            setattr(endpoint, name, value)
        endpoint.version += 1
    session.flush()
    return endpoint


def rotate(session: Session, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Gives the endpoint a new secret; messages are signed with both for a while."""
    endpoint.generation, endpoint.rotated_at = endpoint.generation + 1, now(session)
    endpoint.version += 1
    session.flush()
    return endpoint


def delete_endpoint(session: Session, endpoint: WebhookEndpoint) -> None:
    """Forgets the endpoint and its messages."""
    session.execute(delete(WebhookEndpoint).where(WebhookEndpoint.id == endpoint.id))
    session.expunge(endpoint)


def deliveries(
    session: Session, endpoint: WebhookEndpoint, *, limit: int = 20, after: str | None = None, status: str | None = None
) -> cursors.Page[WebhookDelivery]:
    """Messages to an endpoint, the newest first.

    Raises:
        Invalid: a cursor or limit that cannot be used.
    """
    query = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id)
    if status is not None:
        query = query.where(WebhookDelivery.status == status)
    created, id_ = WebhookDelivery.created_at, WebhookDelivery.id
    return cursors.walk(session, query, created, id_, prefix="msg", limit=limit, after=after)


def get_delivery(session: Session, endpoint: WebhookEndpoint, delivery_id: str) -> WebhookDelivery:
    """The message.

    Raises:
        NotFound: there is none of that id to the endpoint.
    """
    found = session.get(WebhookDelivery, delivery_id) if is_id("msg", delivery_id) else None
    if found is None or found.endpoint_id != endpoint.id:
        raise NotFound("delivery", delivery_id)
    return found


def redeliver(session: Session, delivery: WebhookDelivery) -> WebhookDelivery:
    """Sends the message again, under the same id, with all its tries before it."""
    session.refresh(delivery, with_for_update={"key_share": True})
    delivery.status, delivery.next_at, delivery.finished_at = PENDING, now(session), None
    session.flush()
    return delivery


def due(session: Session) -> bool:
    """Whether a message waits to be sent now."""
    return session.scalars(_due(session, 1, clock(session))).one_or_none() is not None


def take(session: Session, most: int) -> list[tuple[WebhookDelivery, WebhookEndpoint]]:
    """Messages to send now, with their endpoints, which nobody else sends for a minute."""
    ids = list(session.scalars(_due(session, most, now(session)).with_for_update(skip_locked=True, of=WebhookDelivery)))
    until = now(session) + timedelta(seconds=HOLD_SECONDS)
    session.execute(update(WebhookDelivery).where(WebhookDelivery.id.in_(ids)).values(next_at=until))
    query = select(WebhookDelivery, WebhookEndpoint).join(WebhookEndpoint).where(WebhookDelivery.id.in_(ids))
    return [(delivery, endpoint) for delivery, endpoint in session.execute(query)]


def settle(session: Session, delivery_id: str, outcome: Outcome, waits: Sequence[float]) -> None:
    """Notes what a try came to: the next one comes after ``waits[tries so far - 1]`` seconds, and not when they end.

    An endpoint that is gone (410) gets no more messages until somebody enables it again.
    """
    delivery = session.get(WebhookDelivery, delivery_id, with_for_update={"key_share": True})
    if delivery is None:  # the endpoint was deleted meanwhile
        return
    at, made = now(session), len(delivery.tries)
    tried = {"at": at.isoformat(), "status": outcome.status, "error": outcome.error, "ms": round(outcome.ms, 1)}
    delivery.tries = [*delivery.tries, tried]
    if outcome.ok or outcome.gone or made >= len(waits):
        delivery.status, delivery.next_at = DELIVERED if outcome.ok else FAILED, None
        delivery.finished_at = at
    else:
        spread = 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 - spreading, not a secret
        delivery.next_at = at + timedelta(seconds=waits[made] * spread)
    if outcome.gone:
        _switch(session, session.get_one(WebhookEndpoint, delivery.endpoint_id), "answered 410 Gone")


def forget(session: Session, days: float) -> None:
    """Removes messages of so long ago that nobody waits for."""
    old = WebhookDelivery.created_at < now(session) - timedelta(days=days)
    session.execute(delete(WebhookDelivery).where(old, WebhookDelivery.status != PENDING))


def _switch(session: Session, endpoint: WebhookEndpoint, off_because: str | None) -> None:
    endpoint.disabled_at, endpoint.disabled_reason = (now(session), off_because) if off_because else (None, None)


def _due(session: Session, most: int, at: Any) -> Any:
    # Written out: a prepared statement with a parameter here could not use the index of messages that wait.
    ready = WebhookDelivery.status == literal_column(f"'{PENDING}'"), WebhookDelivery.next_at <= at
    query = select(WebhookDelivery.id).join(WebhookEndpoint).where(*ready, WebhookEndpoint.disabled_at.is_(None))
    return query.order_by(WebhookDelivery.next_at).limit(most)


def _message(session: Session, endpoint: WebhookEndpoint, type_: str, data: dict[str, Any]) -> WebhookDelivery:
    at = now(session)
    payload = {"type": type_, "timestamp": at.isoformat(), "data": data}
    return WebhookDelivery(
        id=new_id("msg"),
        endpoint_id=endpoint.id,
        type=type_,
        payload=payload,
        status=PENDING,
        tries=[],
        next_at=at,
        created_at=at,
    )


def _facts(job: Job) -> dict[str, Any]:
    # Thin: whoever wants more asks for it with a key.
    names = ("id", "project_id", "name", "status", "termination_reason", "attempt", "version")
    return {"object": "job", **{name: getattr(job, name) for name in names}}
