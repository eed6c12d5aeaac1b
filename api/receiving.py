"""Bytes that a client sends, written aside and hashed while they come."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request

from api import limits
from api.errors import Fault, Refused
from api.services import Services
from store import disk
from store.errors import FilesFull
from store.localfiles import disk_errors_named

_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):")
_BATCH = 2 * 1024**2


class Part:
    """Bytes on their way to a file of ours: while a thread writes and hashes some, the next ones may come."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash, self._held, self.size = file, hashlib.sha256(), bytearray(), 0
        self._writing: asyncio.Task[None] | None = None

    async def add(self, chunk: bytes) -> None:
        """Keep a chunk; a thread writes when there are enough of them."""
        self._held += chunk
        self.size += len(chunk)
        if len(self._held) >= _BATCH:
            await self._hand_over()

    async def finish(self) -> None:
        """Wait until all is written and hashed."""
        await self._hand_over()
        await self._settled()

    async def give_up(self) -> None:
        """Wait for the thread and forget what it says: the file is about to be closed."""
        with suppress(Exception):
            await self._settled()

    async def _hand_over(self) -> None:
        await self._settled()
        held, self._held = self._held, bytearray()
        self._writing = asyncio.create_task(to_thread.run_sync(self._write, held))

    async def _settled(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    def _write(self, held: bytearray) -> None:
        with disk_errors_named():
            self._file.write(held)
            self._file.flush()
        self._hash.update(held)

    @property
    def sha256(self) -> str:
        """Of all that was written."""
        return self._hash.hexdigest()


@asynccontextmanager
async def received(request: Request, services: Services, size: int) -> AsyncIterator[tuple[Path, str]]:
    """The body in a file of ours, which is gone after the block unless the store of files took it, and its sha256.

    Args:
        size: how many bytes the body must have.

    Raises:
        Refused: other bytes came than the headers said, or too slowly, or there is no room for them.
    """
    expected = digest_header(request)
    _check_length(request, size)
    _check_room(services, size)
    path = services.files.aside()
    try:
        with services.receiving.place(), path.open("xb") as file:
            part = Part(file)
            try:
                await _fill(request, part, size)
            finally:
                await part.give_up()
        if part.size != size:
            raise Refused("bad_request", f"{part.size} bytes came, {size} were to come")
        if part.sha256 != expected:
            message = f"the body's sha256 is {part.sha256}, not {expected}: send it again"
            raise Refused("digest_mismatch", message, kind="bad_request")
        yield path, part.sha256
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def digest_header(request: Request) -> str:
    """The sha256 that the sender says (RFC 9530), in hexadecimal.

    Raises:
        Refused: there is none.
    """
    given = request.headers.get("content-digest") or request.headers.get("repr-digest") or ""
    found = _DIGEST.search(given)
    try:
        raw = base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        raw = b""
    if len(raw) != 32:
        fault = Fault(parameter="Content-Digest", code="invalid_value", detail="give sha-256=:<base64>: (RFC 9530)")
        raise Refused("invalid_request", "the bytes need their digest", errors=[fault])
    return raw.hex()


async def _fill(request: Request, part: Part, most: int) -> None:
    try:
        async with asyncio.timeout(60 + most / limits.SLOWEST_BYTES_PER_SECOND):
            await _copy(request, part, most)
    except TimeoutError:
        raise Refused("request_timeout", "the body comes too slowly; send smaller parts") from None
    except ClientDisconnect:
        raise Refused("bad_request", "the connection closed before the body was complete") from None


async def _copy(request: Request, part: Part, most: int) -> None:
    stream = aiter(request.stream())
    while True:
        async with asyncio.timeout(limits.SILENCE_SECONDS):
            chunk = await anext(stream, None)
        if chunk is None:
            return await part.finish()
        await part.add(chunk)
        if part.size > most:
            raise _not(most, part.size)


def _check_length(request: Request, size: int) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) != size:
        raise _not(size, int(declared))


def _not(size: int, found: int) -> Refused:
    if found > size:
        return Refused("body_too_large", f"this takes exactly {size} bytes")
    return Refused("bad_request", f"this takes exactly {size} bytes, not {found}")


def _check_room(services: Services, size: int) -> None:
    if disk.short_of(services.settings, size) is not None:
        raise FilesFull("disk_full", "The service has no room for more files; try later.")
