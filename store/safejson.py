"""JSON that both databases accept: no NaN, no NUL, no lone surrogate, whatever an engine reports."""

from __future__ import annotations

import json
import math
from typing import Any


def dumps(value: Any) -> str:
    """JSON text of ``value``; numbers that JSON lacks become null, characters that SQL lacks become U+FFFD."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except ValueError:
        return _dumps_clean(value)
    return _dumps_clean(value) if "\\u0000" in text else text


def clean_text(text: str) -> str:
    """``text`` without the characters that a SQL text column cannot hold."""
    return text.replace("\x00", "�").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _dumps_clean(value: Any) -> str:
    return json.dumps(_clean(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {clean_text(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value
