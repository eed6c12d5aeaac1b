"""Ids that sort by time and say what they name: a prefix and a ULID, such as job_01k8t2v4x6...."""

from __future__ import annotations

import re
import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80
_SHAPE = re.compile(r"[a-z]{2,5}_[0-7][0-9a-hjkmnp-tv-z]{25}")

_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """A fresh id; ids made by one process sort in the order in which they were made."""
    return f"{prefix}_{_encode(_next())}"


def is_id(prefix: str, text: str) -> bool:
    """Whether ``text`` has the shape of one of our ids; anything else never reaches the database."""
    return text.startswith(prefix + "_") and _SHAPE.fullmatch(text) is not None


def _next() -> int:
    global _last
    fresh = (time.time_ns() // 1_000_000 << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    with _lock:
        _last = fresh if fresh > _last else _last + 1
        return _last


def _encode(number: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
