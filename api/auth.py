"""Who asks: an API key or the dashboard's session, and what they may do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Literal, get_args

from fastapi import Depends
from starlette.requests import Request

from api.edge import SAFE_METHODS
from api.errors import Refused
from api.rates import too_many
from api.services import Services, services_of
from api.signing import Session
from store import keys
from store.audit import Actor
from store.models import ApiKey

ScopeName = Literal["jobs:read", "jobs:write", "metrics", "admin", "operate"]
SCOPES: tuple[ScopeName, ...] = get_args(ScopeName)
READ, WRITE, METRICS, ADMIN, OPERATE = SCOPES

GRANTED_BY: dict[str, set[str]] = {
    READ: {READ, ADMIN},
    WRITE: {WRITE, ADMIN},
    METRICS: {METRICS, OPERATE},
    ADMIN: {ADMIN},
    OPERATE: {OPERATE},
}
"""``admin`` is all of one project; what concerns the service as a whole is ``operate``'s."""


@dataclass(frozen=True)
class Caller:
    """An authenticated caller. ``key`` is None where authentication is off, ``session`` for a bearer key."""

    project_id: str
    scopes: frozenset[str]
    key: ApiKey | None = None
    session: Session | None = None
    request_id: str | None = None

    @property
    def actor(self) -> Actor:
        """The caller as the audit log names them."""
        if self.key is None:
            return Actor(self.project_id, request_id=self.request_id)
        return Actor(self.project_id, self.key.id, self.key.name, self.request_id)

    def may(self, scope: str) -> bool:
        """Whether a scope is granted, by itself or by a wider one."""
        return not self.scopes.isdisjoint(GRANTED_BY[scope])


def cookie_name(services: Services) -> str:
    """Cookies do not tell ports apart, and one machine may run two services."""
    return f"distillery_session_{services.settings.port}"


def identify(request: Request) -> Caller:
    """The caller of a request.

    Raises:
        Refused: 401 without a valid key or session, 403 for a change by session without its CSRF token, 429 for who
            asks too often or has sent too many wrong keys.
    """
    services, address = services_of(request), address_of(request)
    check_address(services, address)
    try:
        caller = _caller_of(request)
    except Refused as refused:
        if refused.kind.status == 401 and "authorization" in request.headers:  # cookies are signed: nobody guesses one
            services.mistaken.take(address)
        raise
    wait = services.asked.take(caller.key.id) if caller.key else 0.0
    if wait:
        raise too_many("this key asks too often", wait)
    return replace(caller, request_id=request.scope.get("state", {}).get("request_id"))


def address_of(request: Request) -> str:
    """Whence a request comes; behind a trusted proxy what that says."""
    return request.client.host if request.client else ""


def check_address(services: Services, address: str) -> None:
    """Do not listen to an address that has sent too many wrong keys, not even whether the next one is right.

    Raises:
        Refused: 429.
    """
    wait = services.mistaken.wait(address)
    if wait:
        raise too_many("too many wrong keys came from this address", wait)


def _caller_of(request: Request) -> Caller:
    services = services_of(request)
    if not services.settings.auth:
        return Caller(services.local_project_id(), frozenset(SCOPES))
    header = request.headers.get("authorization")
    if header is not None:
        return _by_key(services, header)
    cookie = request.cookies.get(cookie_name(services))
    if cookie is not None:
        return _by_session(services, request, cookie)
    raise unauthenticated("send an API key as 'Authorization: Bearer dk_...'")


def unauthenticated(detail: str, error: str = "") -> Refused:
    """A 401 with its challenge (RFC 6750)."""
    challenge = 'Bearer realm="distillery"' + (f', error="{error}"' if error else "")
    return Refused("authentication_required", detail, headers={"WWW-Authenticate": challenge})


def _by_key(services: Services, header: str) -> Caller:
    scheme, _, plaintext = header.partition(" ")
    if scheme.lower() != "bearer":
        raise unauthenticated("the Authorization header must be 'Bearer dk_...'", "invalid_request")
    caller = key_caller(services, plaintext.strip())
    if caller is None:
        raise unauthenticated("the API key is unknown, revoked or expired", "invalid_token")
    return caller


def key_caller(services: Services, plaintext: str) -> Caller | None:
    """The caller whose key this is."""
    with services.database.look() as session:
        key = keys.verify(session, plaintext, secret=services.secret, previous=services.previous_secrets)
    if key is None:
        return None
    if not keys.is_of(key, plaintext, services.secret):
        services.adopt(key, plaintext)
    return _caller(services, key)


def _by_session(services: Services, request: Request, cookie: str) -> Caller:
    session = services.signer.open(cookie)
    if session is None:
        raise unauthenticated("the session has ended; sign in again")
    if request.method not in SAFE_METHODS:
        token = request.headers.get("x-csrf-token", "")
        if not services.signer.is_csrf(session, token):
            raise Refused("csrf_failed", "send the session's csrf_token as X-CSRF-Token with every change")
    with services.database.look() as database:
        key = keys.living_key(database, session.key_id)
    if key is None:
        raise unauthenticated("the key of this session was revoked or has expired; sign in again")
    return _caller(services, key, session)


def _caller(services: Services, key: ApiKey, session: Session | None = None) -> Caller:
    services.note_use(key)
    return Caller(key.project_id, frozenset(key.scopes), key, session)


def lacking(scope: str) -> Refused:
    """The refusal of who may not do something."""
    challenge = f'Bearer realm="distillery", error="insufficient_scope", scope="{scope}"'
    message = f"this needs the scope {scope!r}; ask for a key that has it"
    return Refused("insufficient_scope", message, headers={"WWW-Authenticate": challenge})


def check_grant(caller: Caller, scopes: Iterable[str]) -> None:
    """Nobody makes a key that may do more than they may themselves.

    Raises:
        Refused: 403.
    """
    for scope in scopes:
        if not caller.may(scope):
            raise lacking(scope)


def _scoped(scope: str) -> Callable[[Request], Caller]:
    def scoped(request: Request) -> Caller:
        caller = identify(request)
        if not caller.may(scope):
            raise lacking(scope)
        return caller

    return scoped


Anyone = Annotated[Caller, Depends(identify)]
Reader = Annotated[Caller, Depends(_scoped(READ))]
Writer = Annotated[Caller, Depends(_scoped(WRITE))]
Watcher = Annotated[Caller, Depends(_scoped(METRICS))]
Admin = Annotated[Caller, Depends(_scoped(ADMIN))]
Operator = Annotated[Caller, Depends(_scoped(OPERATE))]
