"""Session cookies: what the server signed and nobody else could have, and the CSRF token that belongs to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Session:
    """A dashboard session: whose key it stands for and when it ends (seconds since 1970)."""

    key_id: str
    nonce: str
    expires: int


class Signer:
    """Signs and opens sessions with a key derived from the server's secret."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"distillery session", "sha256")

    def issue(self, key_id: str, seconds: int) -> Session:
        """A fresh session for a key."""
        return Session(key_id, secrets.token_urlsafe(18), int(time.time()) + seconds)

    def seal(self, session: Session) -> str:
        """The cookie's value."""
        payload = _text(json.dumps(asdict(session)).encode())
        return f"{payload}.{self._mac('cookie', payload)}"

    def open(self, cookie: str) -> Session | None:
        """The session of a cookie that we sealed and that has not run out."""
        payload, _, mac = cookie.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac("cookie", payload).encode()):
            return None
        session = Session(**json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
        return session if session.expires > time.time() else None

    def csrf(self, session: Session) -> str:
        """The token that a page has to send with every change: another site cannot read it."""
        return self._mac("csrf", session.nonce)

    def is_csrf(self, session: Session, token: str) -> bool:
        """Whether ``token`` is this session's."""
        return hmac.compare_digest(token.encode(), self.csrf(session).encode())

    def _mac(self, purpose: str, text: str) -> str:
        message = f"{purpose}:{text}".encode()
        return _text(hmac.new(self._key, message, hashlib.sha256).digest())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
