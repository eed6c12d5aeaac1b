"""A receiver takes what the service signed, and nothing that is changed, old or another's."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from api.secrets import secret_of, signature
from distillery import IntegrityError
from distillery.webhook import verify

SERVER = b"0123456789abcdef" * 4
SECRET = secret_of(SERVER, "whk_1", 1)
BODY = json.dumps({"type": "job.succeeded"}).encode()
AT = 1_800_000_000


def headers(**changes: Any) -> dict[str, str]:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    found = {
        "Webhook-Id": "msg_1",
        "webhook-timestamp": str(AT),
        "webhook-signature": signature([key], "msg_1", AT, BODY),
    }
    return found | {name.replace("_", "-"): value for name, value in changes.items()}


def test_what_the_service_signed_is_taken() -> None:
    assert verify(BODY, headers(), SECRET, at=AT + 10) == {"type": "job.succeeded"}


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of Standard Webhooks' own documents."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert signature([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize(
    ("body", "changes", "secret", "at"),
    [
        (BODY + b" ", {}, SECRET, AT),
        (BODY, {"Webhook_Id": "msg_2"}, SECRET, AT),
        (BODY, {"webhook_signature": "v1,AAAA"}, SECRET, AT),
        (BODY, {"webhook_signature": ""}, SECRET, AT),
        (BODY, {"webhook_timestamp": str(AT + 1)}, SECRET, AT),
        (BODY, {"webhook_timestamp": "soon"}, SECRET, AT),
        (BODY, {}, SECRET, AT + 301),
        (BODY, {}, SECRET, AT - 301),
        (BODY, {}, secret_of(SERVER, "whk_1", 2), AT),
        (BODY, {}, "secret!", AT),
    ],
)
def test_anything_else_is_refused(body: bytes, changes: dict[str, str], secret: str, at: float) -> None:
    with pytest.raises(IntegrityError):
        verify(body, headers(**changes), secret, at=at)
