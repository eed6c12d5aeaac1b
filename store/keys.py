"""API keys: shown once, kept only as an HMAC under the server's secret."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from store.database import now, present
from store.errors import Conflict, NotFound
from store.ids import is_id, new_id
from store.models import ApiKey
from store.settings import settings

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM, _CHECKSUM = 32, 6
_SEEN_EVERY = timedelta(minutes=1)


def create_key(
    session: Session,
    project_id: str,
    name: str,
    scopes: Sequence[str],
    *,
    expires_at: datetime | None = None,
    secret: bytes | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its plaintext, which nobody can read again."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    plaintext = f"dk_{body}_{_checksum(body)}"
    key = ApiKey(
        id=new_id("key"),
        project_id=project_id,
        name=name,
        hint=plaintext[:8],
        digest=_digest(plaintext, secret),
        scopes=list(scopes),
        created_at=now(session),
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    return key, plaintext


def verify(
    session: Session, plaintext: str, *, secret: bytes | None = None, previous: Sequence[bytes] = ()
) -> ApiKey | None:
    """The key, if it is one of ours, neither revoked nor expired. A mistyped one never reaches the database.

    Args:
        previous: secrets before the present one, under which older keys were hashed.
    """
    if not well_formed(plaintext):
        return None
    return _living(session, ApiKey.digest.in_([_digest(plaintext, one) for one in (secret, *previous)]))


def adopt(session: Session, key: ApiKey, plaintext: str, *, secret: bytes) -> None:
    """Hashes a key that was just used with the present secret, so that an earlier one can be forgotten in time."""
    mine = ApiKey.id == key.id, ApiKey.digest == key.digest
    session.execute(update(ApiKey).where(*mine).values(digest=_digest(plaintext, secret)))


def is_of(key: ApiKey, plaintext: str, secret: bytes) -> bool:
    """Whether the key is hashed with this secret."""
    return hmac.compare_digest(key.digest, _digest(plaintext, secret))


def living_key(session: Session, key_id: str) -> ApiKey | None:
    """The key by id, unless it was revoked or has run out."""
    return _living(session, ApiKey.id == key_id)


def _living(session: Session, which: ColumnElement[bool]) -> ApiKey | None:
    found = session.execute(select(ApiKey, present(session)).where(which)).one_or_none()
    if found is None:
        return None
    key, at = found
    return None if has_ended(key, at) else key


def list_keys(session: Session, project_id: str) -> list[ApiKey]:
    """A project's keys, newest first, those that have ended too."""
    query = select(ApiKey).where(ApiKey.project_id == project_id)
    return list(session.scalars(query.order_by(ApiKey.created_at.desc(), ApiKey.id.desc())))


def get_key(session: Session, project_id: str, key_id: str) -> ApiKey:
    """The key.

    Raises:
        NotFound: there is none of that id in the project.
    """
    key = session.get(ApiKey, key_id) if is_id("key", key_id) else None
    if key is None or key.project_id != project_id:
        raise NotFound("key", key_id)
    return key


def rotate(session: Session, key: ApiKey, overlap: timedelta, *, secret: bytes | None = None) -> tuple[ApiKey, str]:
    """A new key that may do what the old one may, for as long; the old one works for ``overlap`` yet.

    Raises:
        Conflict: the key has ended.
    """
    at = now(session)
    if has_ended(key, at):
        raise Conflict("key_ended", f"Key {key.id} was revoked or has expired; create a new one.")
    life = None if key.expires_at is None else at + (key.expires_at - key.created_at)
    made = create_key(session, key.project_id, key.name, key.scopes, expires_at=life, secret=secret)
    key.expires_at = min(key.expires_at or at + overlap, at + overlap)
    return made


def has_ended(key: ApiKey, at: datetime) -> bool:
    """Whether the key opens nothing any more."""
    return key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= at)


def seen(session: Session, key: ApiKey) -> None:
    """Notes that the key was used, once a minute at most."""
    at = now(session)
    stale = ApiKey.last_used_at.is_(None) | (ApiKey.last_used_at < at - _SEEN_EVERY)
    session.execute(update(ApiKey).where(ApiKey.id == key.id, stale).values(last_used_at=at))


def revoke(session: Session, key: ApiKey) -> None:
    """Ends a key for good."""
    key.revoked_at = key.revoked_at or now(session)


def well_formed(plaintext: str) -> bool:
    """Whether the text has a key's shape and its checksum is right."""
    prefix, _, rest = plaintext.partition("_")
    body, _, checksum = rest.partition("_")
    shape = prefix == "dk" and len(body) == _RANDOM and body.isascii() and body.isalnum()
    return shape and hmac.compare_digest(checksum.encode(), _checksum(body).encode())


def ensure_secret(path: Path) -> None:
    """Makes the server's secret if the file is missing; only its owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _private(path, secrets.token_hex(32) + "\n") as aside, suppress(FileExistsError):
        os.link(aside, path)  # whole or not at all, and never over another process's secret


def rotate_secret(path: Path, previous: Path) -> None:
    """Makes a new secret and keeps the one that was there among the previous ones."""
    old = path.read_text().strip()
    before = previous.read_text().split() if previous.exists() else []
    with _private(previous, "\n".join([old, *before]) + "\n") as aside:
        os.replace(aside, previous)
    with _private(path, secrets.token_hex(32) + "\n") as aside:
        os.replace(aside, path)


@contextmanager
def _private(path: Path, text: str) -> Iterator[Path]:
    """A file beside ``path`` that only its owner can read, gone after the block unless it was moved."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def _digest(plaintext: str, secret: bytes | None) -> str:
    return hmac.new(secret or settings().secret_bytes(), plaintext.encode(), hashlib.sha256).hexdigest()


def _checksum(body: str) -> str:
    number, text = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        text += _ALPHABET[digit]
    return text
