"""For who receives webhooks: whether a message is the service's own (Standard Webhooks 1.0.0)."""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, cast

from distillery.errors import IntegrityError

TOLERANCE_SECONDS = 300.0


def verify(body: bytes, headers: Mapping[str, str], secret: str, *, at: float | None = None) -> dict[str, Any]:
    """The message, once its signature and its age are right.

    Args:
        body: the bytes as they came, not parsed and written again.
        secret: `whsec_...`, as the service showed it.
        at: the present, in seconds since 1970.

    Raises:
        IntegrityError: it is not the service's, or it is old: somebody may have kept it.
    """
    found = {name.lower(): value for name, value in headers.items()}
    message_id, stamp = found.get("webhook-id", ""), found.get("webhook-timestamp", "")
    if not stamp.isdecimal() or abs((time.time() if at is None else at) - int(stamp)) > TOLERANCE_SECONDS:
        raise IntegrityError(f"The message is not from within {TOLERANCE_SECONDS:.0f} s of now; is the clock right?")
    told = f"{message_id}.{stamp}.".encode() + body
    ours = base64.b64encode(hmac.digest(_key(secret), told, "sha256"))
    signatures = found.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(one.encode(), b"v1," + ours) for one in signatures):
        raise IntegrityError("The message is not signed with this secret.")
    return cast(dict[str, Any], json.loads(body))


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise IntegrityError("This is no webhook secret: it begins with whsec_.") from None
