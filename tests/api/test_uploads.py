"""Files come in parts, in any order, and no byte counts that is not the one that was meant."""

from __future__ import annotations

import hashlib
import random
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_client import Api, Served, Truth, content_digest
from sqlalchemy import update

from api import limits
from store import sweep as sweeping
from store.database import now
from store.models import DeadFile, Upload

MIB = 1024**2
CONTENT = random.Random(5).randbytes(2 * MIB + 700_001)


def begin(api: Api, size: int = len(CONTENT), **more: Any) -> dict[str, Any]:
    body = {"name": "scans.zip", "bytes": size, "part_bytes": MIB, **more}
    answer = api.post("/v1/uploads", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def put(api: Api, upload: dict[str, Any], number: int, data: bytes, said: bytes | None = None) -> httpx.Response:
    headers = {"Content-Digest": content_digest(data if said is None else said)}
    return api.put(f"/v1/uploads/{upload['id']}/parts/{number}", content=data, headers=headers)


def parts(data: bytes = CONTENT) -> list[bytes]:
    return [data[at : at + MIB] for at in range(0, len(data), MIB)]


def tree(pieces: list[bytes]) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(piece).digest() for piece in pieces)).hexdigest()


def complete(api: Api, upload: dict[str, Any], **body: Any) -> httpx.Response:
    return api.post(f"/v1/uploads/{upload['id']}/complete", json=body)


def no_file_is_left_aside(api: Api) -> bool:
    folder = Path(api.services.settings.files_url.removeprefix("file://")) / "incoming"
    return not list(folder.glob("*"))


def test_parts_come_in_any_order_and_the_file_is_whole(api: Api) -> None:
    upload = begin(api)
    assert (upload["parts"], upload["status"], upload["digest"]) == (3, "open", None)
    for number in (3, 1, 2):
        answer = put(api, upload, number, parts()[number - 1])
        assert (answer.status_code, answer.json()["bytes"]) == (200, len(parts()[number - 1]))
    done = complete(api, upload, digest=tree(parts())).json()
    assert (done["status"], done["digest"]) == ("complete", tree(parts()))
    got = api.get(f"/v1/uploads/{upload['id']}/content")
    assert got.content == CONTENT
    assert (got.headers["etag"], "repr-digest" in got.headers) == (f'"{done["digest"]}"', False)
    assert no_file_is_left_aside(api)


@pytest.mark.parametrize("span", [(0, 1), (MIB - 3, MIB + 3), (5, 2 * MIB + 9), (2 * MIB, len(CONTENT))])
def test_a_range_of_it_crosses_parts(api: Api, span: tuple[int, int]) -> None:
    upload = begin(api)
    for number, data in enumerate(parts(), 1):
        put(api, upload, number, data)
    complete(api, upload)
    start, end = span
    got = api.get(f"/v1/uploads/{upload['id']}/content", headers={"Range": f"bytes={start}-{end - 1}"})
    assert (got.status_code, got.content) == (206, CONTENT[start:end])


def test_what_is_missing_is_listed_and_completing_waits_for_it(api: Api) -> None:
    upload = begin(api)
    put(api, upload, 2, parts()[1])
    refused = complete(api, upload)
    assert (refused.status_code, refused.json()["code"]) == (409, "parts_missing")
    assert "lacks 2 parts: 1, 3." in refused.json()["detail"]
    [listed] = api.get(f"/v1/uploads/{upload['id']}/parts").json()["data"]
    assert (listed["number"], listed["sha256"]) == (2, hashlib.sha256(parts()[1]).hexdigest())


def test_a_part_can_be_replaced_until_the_upload_is_complete(api: Api, truth: Truth) -> None:
    upload = begin(api, 4)
    put(api, upload, 1, b"old!")
    put(api, upload, 1, b"new!")
    assert complete(api, upload, digest=tree([b"old!"])).json()["code"] == "digest_mismatch"
    assert complete(api, upload).status_code == complete(api, upload).status_code == 200
    assert put(api, upload, 1, b"late").json()["code"] == "upload_complete"
    assert api.get(f"/v1/uploads/{upload['id']}/content").content == b"new!"
    with truth.database.read() as session:  # the replaced bytes are given up to the collector
        assert session.get(
            DeadFile, f"sha256/{hashlib.sha256(b'old!').hexdigest()[:2]}/" + hashlib.sha256(b"old!").hexdigest()
        )


@pytest.mark.parametrize(
    ("data", "said", "status", "code"),
    [
        (b"1234", b"12345", 400, "digest_mismatch"),
        (b"123", None, 400, "bad_request"),
        (b"12345", None, 413, "body_too_large"),
        (b"", None, 400, "bad_request"),
    ],
)
def test_other_bytes_than_were_said_are_not_taken(
    api: Api, data: bytes, said: bytes | None, status: int, code: str
) -> None:
    upload = begin(api, 4)
    answer = put(api, upload, 1, data, said)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert api.get(f"/v1/uploads/{upload['id']}/parts").json()["data"] == []
    assert no_file_is_left_aside(api)


def test_a_body_of_unknown_length_that_grows_too_large_is_cut_off(api: Api) -> None:
    upload = begin(api, 4)

    async def endless() -> Any:
        for _ in range(50):
            yield b"x" * 1000

    headers = {"Content-Digest": content_digest(b"")}
    answer = api.put(f"/v1/uploads/{upload['id']}/parts/1", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert no_file_is_left_aside(api)


@pytest.mark.parametrize("header", [None, "", "md5=:AAAA:", "sha-256=:AAAA:", "sha-256=:%%%:", "sha-256=abc"])
def test_a_part_needs_its_digest(api: Api, header: str | None) -> None:
    upload = begin(api, 4)
    headers = {} if header is None else {"Content-Digest": header}
    answer = api.put(f"/v1/uploads/{upload['id']}/parts/1", content=b"1234", headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "Content-Digest")


@pytest.mark.parametrize("number", [0, 4, 10**9, "x"])
def test_there_is_no_such_part(api: Api, number: Any) -> None:
    upload = begin(api)
    assert put(api, upload, number, b"1").status_code == 422


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": "../up"}, "/name"),
        ({"name": "a/b"}, "/name"),
        ({"name": "a\\b"}, "/name"),
        ({"name": ".."}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "a\r\nX-Evil: 1"}, "/name"),
        ({"bytes": -1}, "/bytes"),
        ({"bytes": 10**15}, "/bytes"),
        ({"bytes": 1.5}, "/bytes"),
        ({"part_bytes": 5}, "/part_bytes"),
        ({"digest": "0" * 64}, "/digest"),
    ],
)
def test_an_order_that_makes_no_sense_is_pointed_at(api: Api, changes: dict[str, Any], pointer: str) -> None:
    answer = api.post("/v1/uploads", json={"name": "n", "bytes": 1, "part_bytes": MIB, **changes})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_a_file_of_more_parts_than_there_may_be_is_told_what_would_do(api: Api) -> None:
    answer = api.post("/v1/uploads", json={"name": "n", "bytes": 20_000 * MIB, "part_bytes": MIB})
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_parts")


def test_an_empty_file_has_one_empty_part(api: Api) -> None:
    upload = begin(api, 0)
    put(api, upload, 1, b"")
    assert complete(api, upload).json()["digest"] == tree([b""])
    assert api.get(f"/v1/uploads/{upload['id']}/content").content == b""


def test_a_small_file_is_put_at_once_and_again_it_is_the_same(api: Api) -> None:
    headers = {"Content-Digest": content_digest(b"weights")}
    first = api.put("/v1/uploads:file?name=w.safetensors", content=b"weights", headers=headers)
    second = api.put("/v1/uploads:file?name=w.safetensors", content=b"weights", headers=headers)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.headers["location"] == f"/v1/uploads/{first.json()['id']}"
    assert api.get(f"/v1/uploads/{first.json()['id']}/content").content == b"weights"
    other = api.put("/v1/uploads:file?name=x.safetensors", content=b"weights", headers=headers)
    assert other.json()["id"] != first.json()["id"]


@pytest.mark.parametrize("query", ["", "name=", "name=a/b", "name=..", "name=ok&more=1"])
def test_a_file_needs_a_plain_name(api: Api, query: str) -> None:
    headers = {"Content-Digest": content_digest(b"x")}
    assert api.put(f"/v1/uploads:file?{query}", content=b"x", headers=headers).status_code == 422


def test_nobody_reaches_another_projects_upload(api: Api, truth: Truth) -> None:
    upload = begin(api, 4)
    put(api, upload, 1, b"mine")
    complete(api, upload)
    other = api.with_key(truth.key("admin", project="elsewhere"))
    path = f"/v1/uploads/{upload['id']}"
    asked = [other.get(path), other.get(f"{path}/parts"), other.get(f"{path}/content"), other.delete(path)]
    asked += [put(other, upload, 1, b"your"), complete(other, upload)]
    assert {answer.status_code for answer in asked} == {404}
    assert other.get("/v1/uploads").json()["data"] == []
    reader = api.with_key(truth.key("jobs:read"))
    assert (put(reader, upload, 1, b"read").status_code, reader.delete(path).status_code) == (403, 403)


def test_uploads_are_found_by_name_and_state_and_deleted(api: Api) -> None:
    first, second = begin(api, 4), begin(api, 4, name="other")
    put(api, second, 1, b"1234")
    complete(api, second)
    assert [one["id"] for one in api.get("/v1/uploads?status=open").json()["data"]] == [first["id"]]
    assert [one["id"] for one in api.get("/v1/uploads?name=other").json()["data"]] == [second["id"]]
    assert api.delete(f"/v1/uploads/{second['id']}").status_code == 204
    assert api.get(f"/v1/uploads/{second['id']}").status_code == 404


def test_a_project_has_so_many_unfinished_uploads_and_no_more(api: Api) -> None:
    for _ in range(100):
        begin(api, 4)
    answer = api.post("/v1/uploads", json={"name": "n", "bytes": 4})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_uploads")


def test_an_upload_that_nobody_completes_is_forgotten_with_its_bytes(api: Api, truth: Truth) -> None:
    upload, kept = begin(api, 4), begin(api, 4)
    put(api, upload, 1, b"gone")
    put(api, kept, 1, b"kept")
    complete(api, kept)
    with truth.database.write() as session:
        session.execute(update(Upload).values(expires_at=now(session) - timedelta(seconds=1)))
    sweeping.sweep(truth.database, truth.settings)
    assert api.get(f"/v1/uploads/{upload['id']}").status_code == 404
    assert api.get(f"/v1/uploads/{kept['id']}/content").content == b"kept"
    files = api.services.files
    settings = truth.settings.model_copy(update={"garbage_seconds": 1e-6})
    assert sweeping.sweep(truth.database, settings, files).files_removed == 1
    assert api.get(f"/v1/uploads/{kept['id']}/content").content == b"kept"


def test_without_room_nothing_is_taken_and_the_sender_is_told_when_to_come_back(api: Api) -> None:
    upload = begin(api, 4)
    api.services.settings.disk_free_bytes = 10**18
    answer = put(api, upload, 1, b"1234")
    assert (answer.status_code, answer.json()["code"]) == (503, "disk_full")
    assert int(answer.headers["retry-after"]) > 0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SILENCE_SECONDS", 0.3)


@pytest.mark.usefixtures("impatient")
def test_a_sender_that_falls_silent_is_not_waited_for(api: Api) -> None:
    import anyio

    upload = begin(api, 4)

    async def slow() -> Any:
        yield b"12"
        await anyio.sleep(5)
        yield b"34"

    headers = {"Content-Digest": content_digest(b"1234")}
    answer = api.put(f"/v1/uploads/{upload['id']}/parts/1", content=slow(), headers=headers)
    assert answer.status_code == 408
    assert no_file_is_left_aside(api)


def test_who_comes_when_all_places_are_taken_is_sent_away(api: Api) -> None:
    from api.rates import Places

    upload = begin(api, 4)
    api.services.receiving = Places(1)
    with api.services.receiving.place():
        answer = put(api, upload, 1, b"1234")
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert put(api, upload, 1, b"1234").status_code == 200


def test_many_parts_at_once_over_a_real_connection(served: Served, truth: Truth) -> None:
    key = truth.key()
    data = random.Random(7).randbytes(12 * MIB + 5)
    pieces = parts(data)
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        body = {"name": "large", "bytes": len(data), "part_bytes": MIB}
        upload = client.post("/v1/uploads", json=body).json()

        def send(numbers: list[int]) -> None:
            for number in numbers:
                piece = pieces[number - 1]
                path = f"/v1/uploads/{upload['id']}/parts/{number}"
                client.put(path, content=piece, headers={"Content-Digest": content_digest(piece)}).raise_for_status()

        threads = [threading.Thread(target=send, args=([*range(first, 14, 4)],)) for first in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done = client.post(f"/v1/uploads/{upload['id']}/complete", json={"digest": tree(pieces)})
        assert done.status_code == 200, done.text
        assert client.get(f"/v1/uploads/{upload['id']}/content").content == data
