"""``Idempotency-Key``: a repeated POST gets its first answer, and makes nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.resources import Job
from api.services import Services
from store import idempotency

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="a value of your own; a repetition with it gets the first answer (kept 48 h)",
    ),
]


def _created(body: str | bytes, location: str, *, replayed: bool = False) -> Response:
    headers = {"Location": location} | ({"Idempotent-Replayed": "true"} if replayed else {})
    return Response(body, 201, headers=headers, media_type="application/json")


class Once:
    """One creating request: answered from memory when it came before, else done and remembered in one transaction."""

    def __init__(self, services: Services, caller: Caller, request: Request, key: str | None, body: Any) -> None:
        self._database, self._bell = services.database, services.bell
        self._project_id = caller.project_id
        self._key = key
        self._print = idempotency.fingerprint(request.method, request.url.path, body)

    def replayed(self) -> Response | None:
        """The first answer, if this request is a repetition; asked before anything is validated."""
        if self._key is None:
            return None
        with self._database.read() as session:
            return self._replay(session)

    def create(self, make: Callable[[Session], Job]) -> Response:
        """Makes the job and remembers the answer, both or neither; after the commit the workers are told."""
        with self._database.write() as session:
            if (first := self._replay(session)) is not None:
                return first
            job = make(session)
            location, body = job.urls["self"] or "", job.model_dump(mode="json")
            if self._key is not None:
                arguments = (self._project_id, self._key, self._print, 201, body, location)
                idempotency.remember(session, *arguments)
        self._bell.ring(job.resource_class)
        return _created(job.model_dump_json(), location)

    def _replay(self, session: Session) -> Response | None:
        if self._key is None:
            return None
        answer = idempotency.replay(session, self._project_id, self._key, self._print)
        if answer is None:
            return None
        body = Job.model_validate(answer.body).model_dump_json()
        return _created(body, answer.location or "", replayed=True)
