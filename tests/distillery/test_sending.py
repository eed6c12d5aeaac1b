"""Files are sent in parts, taken up where they stopped, and whole when they are done."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_service import Service

from distillery import Client, IntegrityError, Retry, sending
from distillery.transport import Transport

MIB = 1024**2


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(service.url, service.key, retry=Retry(attempts=3, base=0.01)) as found:
        yield found
        for upload in found.uploads():
            found.delete_upload(upload["id"])


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(random.Random(3).randbytes(3 * MIB + 17))
    return path


def content(client: Client, upload_id: str) -> bytes:
    with client.transport.stream(f"/v1/uploads/{upload_id}/content") as response:
        return response.read()


def counted(monkeypatch: pytest.MonkeyPatch, fail_from: int = 10**9) -> list[str]:
    """The paths of parts that are sent; from a number on the connection is lost."""
    import httpx

    sent: list[str] = []
    real = Transport.request

    def request(self: Transport, method: str, path: str, **rest: Any) -> Any:
        if method == "PUT":
            if len(sent) >= fail_from:
                raise httpx.ConnectError("lost")
            sent.append(path)
        return real(self, method, path, **rest)

    monkeypatch.setattr(Transport, "request", request)
    return sent


@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1])
def test_a_file_of_any_size_arrives_whole(client: Client, tmp_path: Path, size: int) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(random.Random(size).randbytes(size))
    upload = client.upload(path, part_bytes=MIB)
    assert (upload["status"], upload["bytes"]) == ("complete", size)
    assert content(client, upload["id"]) == path.read_bytes()


def test_progress_is_told_to_the_last_byte(client: Client, large: Path) -> None:
    told: list[int] = []
    client.upload(large, part_bytes=MIB, report=lambda name, done, total: told.append(done))
    assert told == sorted(told)
    assert told[-1] == large.stat().st_size


def test_an_upload_that_broke_off_is_gone_on_with(client: Client, large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    with monkeypatch.context() as broken:
        first = counted(broken, fail_from=2)
        with pytest.raises(httpx.ConnectError):
            client.upload(large, part_bytes=MIB, parallel=1)
    again = counted(monkeypatch)
    upload = client.upload(large, part_bytes=MIB, parallel=1)
    assert (len(first), len(again)) == (2, 2)
    assert content(client, upload["id"]) == large.read_bytes()


def test_a_part_that_changed_since_is_sent_again(client: Client, large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    with monkeypatch.context() as broken:
        counted(broken, fail_from=2)
        with pytest.raises(httpx.ConnectError):
            client.upload(large, part_bytes=MIB, parallel=1)
    large.write_bytes(b"new" + large.read_bytes()[3:])
    sent = counted(monkeypatch)
    upload = client.upload(large, part_bytes=MIB, parallel=1)
    assert len(sent) == 3
    assert content(client, upload["id"]) == large.read_bytes()


def test_a_file_that_grows_while_it_is_sent_is_told(client: Client, large: Path) -> None:
    def grow(name: str, done: int, total: int) -> None:
        with large.open("ab") as file:
            file.write(b"more")

    with pytest.raises(IntegrityError, match="changed while it was being sent"):
        client.upload(large, part_bytes=MIB, report=grow)


def test_files_are_sent_listed_and_forgotten_by_command_line(distill: Any, client: Client, large: Path) -> None:
    sent = distill("upload", str(large), "--json")
    assert sent.exit_code == 0, sent.stderr
    upload = json.loads(sent.stdout)
    digest = hashlib.sha256(hashlib.sha256(large.read_bytes()).digest()).hexdigest()
    assert (upload["digest"], upload["part_bytes"]) == (digest, sending.PART_BYTES)
    assert upload["id"] in distill("uploads").stdout
    assert distill("uploads", "delete", upload["id"]).exit_code == 0
    assert distill("uploads", "--json").stdout.strip() == "[]"
    missing = distill("upload", str(large.with_name("none")))
    assert (missing.exit_code, "none" in missing.stderr) == (2, True)


def test_the_awaited_client_does_the_same(service: Service, large: Path, tmp_path: Path) -> None:
    from distillery import AsyncClient

    async def use() -> bytes:
        async with AsyncClient(service.url, service.key) as client:
            upload = await client.upload(large, name="awaited", part_bytes=MIB)
            assert [one["id"] async for one in client.uploads(name="awaited")] == [upload["id"]]
            found = await asyncio.to_thread(lambda: content(client.waiting, upload["id"]))
            await client.delete_upload(upload["id"])
            return found

    assert asyncio.run(use()) == large.read_bytes()
