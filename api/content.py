"""Stored bytes as HTTP: a strong ETag from the content's sha256, preconditions and one range (RFC 9110)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from itertools import chain
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from api.errors import Refused

IMMUTABLE = "private, max-age=31536000, immutable"

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")
_TAG = re.compile(r'(W/)?"([^"]*)"|\*')
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]+")

Opener = Callable[[int, int], Iterator[bytes]]
"""Bytes from a start to an end that is not included."""


@dataclass(frozen=True)
class Content:
    """What is known of stored bytes without opening them; ``in_parts``: ``sha256`` is over their parts' own."""

    name: str
    sha256: str
    size: int
    media_type: str
    modified: datetime
    in_parts: bool = False

    @property
    def etag(self) -> str:
        return f'"{self.sha256}"'


def disposition(name: str, kind: str = "attachment") -> str:
    """A Content-Disposition for any name (RFC 6266)."""
    if _PLAIN_NAME.fullmatch(name):
        return f'{kind}; filename="{name}"'
    return f"{kind}; filename*=UTF-8''{quote(name, safe='')}"


def content_headers(content: Content, kind: str = "attachment") -> dict[str, str]:
    """The headers of every answer about ``content``: 200, 206, 304 and HEAD."""
    found = {
        "ETag": content.etag,
        "Last-Modified": format_datetime(content.modified.replace(microsecond=0), usegmt=True),
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition(content.name, kind),
    }
    if not content.in_parts:
        digest = base64.b64encode(bytes.fromhex(content.sha256)).decode()
        found["Repr-Digest"] = f"sha-256=:{digest}:"
    return found


def has_tag(header: str, etag: str, *, weak: bool) -> bool:
    """Whether a list of entity tags names ours; ``weak``: W/ tags count too."""
    found = _TAG.finditer(header)
    return any(tag[0] == "*" or (f'"{tag[2]}"' == etag and (weak or not tag[1])) for tag in found)


def _date(header: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(header) if header else None
    except ValueError:
        return None
    return date if date and date.tzinfo else None


def is_unmodified(headers: Headers, etag: str, modified: datetime) -> bool:
    """Whether the client already has this content, so that 304 is the answer."""
    if "if-none-match" in headers:
        return has_tag(headers["if-none-match"], etag, weak=True)
    since = _date(headers.get("if-modified-since"))
    return since is not None and modified.replace(microsecond=0) <= since


def check_preconditions(headers: Headers, etag: str, modified: datetime) -> None:
    """Refuse with 412 when the client names other content than this."""
    if "if-match" in headers:
        failed = not has_tag(headers["if-match"], etag, weak=False)
    else:
        since = _date(headers.get("if-unmodified-since"))
        failed = since is not None and modified.replace(microsecond=0) > since
    if failed:
        raise Refused("precondition_failed", f"the content is {etag}, not the one you named")


def wanted_range(headers: Headers, content: Content) -> tuple[int, int] | None:
    """Start and end of the one range asked for; None for all of it.

    Unknown units, several ranges and malformed ones are ignored, as RFC 9110 allows.

    Raises:
        Refused: the range begins after the end (416).
    """
    match = _RANGE.fullmatch(headers.get("range", ""))
    if not match or match[1] == match[2] == "" or not _range_applies(headers, content):
        return None
    start, end = _bounds(match[1], match[2], content.size)
    if match[1] and match[2] and int(match[2]) < int(match[1]):
        return None
    if start >= end:
        message = f"the content has {content.size} bytes; ask for a range inside"
        held = {"Content-Range": f"bytes */{content.size}"}
        raise Refused("range_not_satisfiable", message, headers=held)
    return start, end


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return (max(size - int(last), 0), size) if int(last) else (size, size)
    return int(first), min(int(last) + 1, size) if last else size


def _range_applies(headers: Headers, content: Content) -> bool:
    """If-Range: the rest is only wanted of the content that the client has the beginning of."""
    condition = headers.get("if-range")
    if condition is None or condition == content.etag:
        return True
    date = _date(condition)
    return date is not None and date == content.modified.replace(microsecond=0)


def content_response(
    request: Request,
    content: Content,
    opener: Opener,
    *,
    kind: str = "attachment",
    cache: str = IMMUTABLE,
    elsewhere: Callable[[], str | None] = lambda: None,
) -> Response:
    """The answer to GET or HEAD, from here or by a redirect to ``elsewhere``.

    Opened before the first header is sent, so that a lost file is a problem and not a torn download.
    """
    headers = {**content_headers(content, kind), "Cache-Control": cache}
    check_preconditions(request.headers, content.etag, content.modified)
    if is_unmodified(request.headers, content.etag, content.modified):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        headers["Content-Length"] = str(content.size)
        return Response(headers=headers, media_type=content.media_type)
    if (url := elsewhere()) is not None:
        return RedirectResponse(url, 307, headers={"Cache-Control": "no-store"})
    return _bytes_response(content, opener, wanted_range(request.headers, content), headers)


def _bytes_response(
    content: Content, opener: Opener, part: tuple[int, int] | None, headers: dict[str, str]
) -> Response:
    start, end = part or (0, content.size)
    headers["Content-Length"] = str(end - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{content.size}"
    chunks = opener(start, end)
    first = next(chunks, b"")
    status = 206 if part else 200
    return StreamingResponse(chain([first], chunks), status, headers=headers, media_type=content.media_type)
