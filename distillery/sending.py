"""Files on their way to the service: in parts, several at a time, each checked there, and never twice."""

import base64
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import cast

from distillery.calls import uploads
from distillery.calls.requests import Pages, creating, path_of
from distillery.download import Report
from distillery.sources import Source, source_of
from distillery.transport import Transport
from distillery.types import Upload

PART_BYTES = 16 * 1024**2
PARALLEL = 4
PARTS_MAX = 10_000
"""Parts of one upload, at most: larger files have larger parts."""


def send(
    transport: Transport, path: Path, name: str | None, part_bytes: int, parallel: int, report: Report | None
) -> Upload:
    """The complete upload of a file, or of a folder as a tar.

    Raises:
        OSError: it cannot be read.
        IntegrityError: it changed while it was being sent.
    """
    source = source_of(path, name)
    part_bytes = max(part_bytes, -(-source.size // PARTS_MAX))
    upload = _begun(transport, source.name, source.size, part_bytes)
    digests = _send_parts(transport, source, upload, parallel, report)
    source.check()
    tree = hashlib.sha256(b"".join(digests)).hexdigest()
    answer = transport.request("POST", path_of("uploads", upload["id"], "complete"), json={"digest": tree})
    return cast(Upload, answer.json())


def _begun(transport: Transport, name: str, size: int, part_bytes: int) -> Upload:
    """An upload of this name and size that was not completed, else a new one."""
    for upload in transport.pages(uploads(status="open", name=name)):
        if (upload["bytes"], upload["part_bytes"]) == (size, part_bytes):
            return cast(Upload, upload)
    body = {"name": name, "bytes": size, "part_bytes": part_bytes}
    return cast(Upload, transport.call(creating("/v1/uploads", body)))


def _send_parts(
    transport: Transport, source: Source, upload: Upload, parallel: int, report: Report | None
) -> list[bytes]:
    """Send what the service lacks; the sha256 of every part, in order."""
    sender = _Sender(transport, source, upload)
    digests: dict[int, bytes] = {}
    done = 0
    with ThreadPoolExecutor(max(1, parallel), "upload") as pool:
        waiting = {pool.submit(sender.send, number): number for number in range(1, upload["parts"] + 1)}
        try:
            for future in as_completed(waiting):
                digest, length = future.result()
                digests[waiting[future]] = digest
                done += length
                if report:
                    report(upload["name"], done, upload["bytes"])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [digests[number] for number in sorted(digests)]


class _Sender:
    def __init__(self, transport: Transport, source: Source, upload: Upload) -> None:
        self._transport, self._source, self._upload = transport, source, upload
        self._there = dict(self._parts())

    def send(self, number: int) -> tuple[bytes, int]:
        """Send a part unless it is there; its sha256 and its length."""
        size = self._upload["part_bytes"]
        data = self._source.read((number - 1) * size, size)
        digest = hashlib.sha256(data)
        if self._there.get(number) != digest.hexdigest():
            headers = {
                "Content-Digest": f"sha-256=:{base64.b64encode(digest.digest()).decode()}:",
                "Content-Type": "application/octet-stream",
            }
            path = path_of("uploads", self._upload["id"], "parts", str(number))
            self._transport.request("PUT", path, content=data, headers=headers)
        return digest.digest(), len(data)

    def _parts(self) -> Iterator[tuple[int, str]]:
        for part in self._transport.pages(Pages(path_of("uploads", self._upload["id"], "parts"))):
            yield part["number"], part["sha256"]
