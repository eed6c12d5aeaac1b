"""``Idempotency-Key``: a repeated POST gets its first answer, and makes nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.quotas import check_room
from api.resources import Created
from api.services import Services
from store import audit, idempotency

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        json_schema_extra={"minLength": 1, "maxLength": idempotency.KEY_CHARACTERS, "pattern": "^[ -~]+$"},
        description="a value of your own; a repetition with it gets the first answer (kept 48 h)",
    ),
]


class Once:
    """One creating request: answered from memory when it came before, else done and remembered in one transaction.

    Args:
        action: what the audit log calls it.
        kind: the type of what is created.
        origin: id of what it is made from.
    """

    def __init__(
        self,
        services: Services,
        caller: Caller,
        request: Request,
        key: str | None,
        body: Any,
        *,
        action: str,
        kind: type[Created],
        origin: str | None = None,
    ) -> None:
        self._services, self._caller, self._action, self._kind = services, caller, action, kind
        self._key, self._details = key, {} if origin is None else {"origin": origin}
        self._print = idempotency.fingerprint(request.method, request.url.path, body)

    def replayed(self) -> Response | None:
        """The first answer, if this request is a repetition; asked before anything is validated."""
        if self._key is None:
            return None
        with self._services.database.read() as session:
            return self._replay(session)

    def create(self, make: Callable[[Session], Created]) -> Response:
        """Makes it and remembers the answer, both or neither; who waits for it is told after the commit."""
        with self._services.database.write() as session:
            if (first := self._replay(session)) is not None:
                return first
            made = make(session)
            if made.rings is not None:
                check_room(session, self._services.settings, self._caller.project_id)
            audit.note(session, self._caller.actor, self._action, made.id, self._details)
            if self._key is not None:
                body = made.remembered().model_dump(mode="json")
                project_id = self._caller.project_id
                idempotency.remember(session, project_id, self._key, self._print, 201, body, made.location)
        if made.rings is not None:
            self._services.bell.ring(made.rings)
        return _created(made, made.location)

    def _replay(self, session: Session) -> Response | None:
        if self._key is None:
            return None
        answer = idempotency.replay(session, self._caller.project_id, self._key, self._print)
        if answer is None:
            return None
        return _created(self._kind.model_validate(answer.body), answer.location or "", replayed=True)


def _created(made: Created, location: str, *, replayed: bool = False) -> Response:
    headers = {"Location": location} | ({"Idempotent-Replayed": "true"} if replayed else {})
    return Response(made.model_dump_json(), 201, headers=headers, media_type="application/json")
