"""What a job delivers comes whole, in ranges, with proof; and never as a page that could act."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_client import Api, Start, Truth
from servers import S3

from store.settings import Settings

ONNX = bytes(range(256)) * 40
FILES = {"student.onnx": ONNX, "report.html": b"<script>alert(1)</script>", "result.json": b"{}", "empty.bin": b""}


@pytest.fixture
def job(api: Api, truth: Truth, spec: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A job that succeeded and published ``FILES``."""
    found = api.submit(spec)
    truth.publish(api.services, tmp_path, truth.claim(), FILES)
    return found


def fetch(
    api: Api, job: dict[str, Any], name: str = "student.onnx", method: str = "GET", **headers: str
) -> httpx.Response:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return api.request(method, f"{job['urls']['artifacts']}/{name}", headers=named)


def test_artifacts_are_listed_with_size_and_digest(api: Api, job: dict[str, Any]) -> None:
    listed = api.get(job["urls"]["artifacts"]).json()["data"]
    assert [one["name"] for one in listed] == sorted(FILES)
    for one in listed:
        data = FILES[one["name"]]
        assert (one["bytes"], one["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert api.get(one["url"]).content == data


def test_a_download_proves_itself(api: Api, job: dict[str, Any]) -> None:
    answer = fetch(api, job)
    digest = hashlib.sha256(ONNX)
    assert (answer.status_code, answer.content) == (200, ONNX)
    assert answer.headers["etag"] == f'"{digest.hexdigest()}"'
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert answer.headers["content-disposition"] == 'attachment; filename="student.onnx"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]
    assert "private" in answer.headers["cache-control"]


def test_head_says_the_same_without_the_bytes(api: Api, job: dict[str, Any]) -> None:
    get, head = fetch(api, job), fetch(api, job, method="HEAD")
    assert (head.status_code, head.content) == (200, b"")
    differ = {name for name in get.headers if get.headers[name] != head.headers.get(name)}
    assert differ == {"x-request-id"}


@pytest.mark.parametrize(
    ("asked", "first", "end"), [("bytes=0-99", 0, 100), ("bytes=10000-", 10000, 10240), ("bytes=-1", 10239, 10240)]
)
def test_a_range_is_exactly_its_bytes(api: Api, job: dict[str, Any], asked: str, first: int, end: int) -> None:
    answer = fetch(api, job, Range=asked)
    assert (answer.status_code, answer.content) == (206, ONNX[first:end])
    assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/{len(ONNX)}"
    assert answer.headers["content-length"] == str(end - first)


def test_an_impossible_range_is_416_and_odd_ones_give_everything(api: Api, job: dict[str, Any]) -> None:
    answer = fetch(api, job, Range="bytes=99999-")
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(ONNX)}")
    for odd in ("lines=1-2", "bytes=0-1,3-4", "bytes=x"):
        assert fetch(api, job, Range=odd).content == ONNX


def test_conditions_are_kept(api: Api, job: dict[str, Any]) -> None:
    etag = fetch(api, job).headers["etag"]
    same = fetch(api, job, If_None_Match=etag)
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert fetch(api, job, If_Match=etag).status_code == 200
    assert fetch(api, job, If_Match='"other"').status_code == 412
    assert fetch(api, job, Range="bytes=0-1", If_Range=etag).status_code == 206
    assert fetch(api, job, Range="bytes=0-1", If_Range='"other"').status_code == 200


def test_an_empty_artifact_is_an_empty_answer(api: Api, job: dict[str, Any]) -> None:
    answer = fetch(api, job, "empty.bin")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")


def test_the_report_is_shown_but_can_do_nothing(api: Api, job: dict[str, Any]) -> None:
    answer = fetch(api, job, "report.html")
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[:2] == ["sandbox", "default-src 'none'"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("name", ["nothing", "..%2fstudent.onnx", "%00", "a%0d%0aSet-Cookie:x", "x" * 500])
def test_a_name_that_was_not_published_is_404(api: Api, job: dict[str, Any], name: str) -> None:
    answer = fetch(api, job, name)
    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers


def test_a_file_that_the_disk_lost_is_a_problem_and_not_a_torn_download(api: Api, job: dict[str, Any]) -> None:
    api.services.files.delete(f"sha256/{hashlib.sha256(ONNX).hexdigest()[:2]}/{hashlib.sha256(ONNX).hexdigest()}")
    for answer in (fetch(api, job), api.get(job["urls"]["self"] + "/bundle")):
        assert (answer.status_code, answer.json()["code"]) == (410, "file_missing")
        assert "sha256/" not in answer.text


@pytest.mark.servers
def test_an_object_store_serves_the_bytes_and_we_the_report(
    start: Start,
    settings: Settings,
    truth: Truth,
    spec: dict[str, Any],
    s3: S3,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in s3.config().items():
        monkeypatch.setenv(name.upper(), value)
    api = start(settings.model_copy(update={"files_url": f"s3://{s3.bucket('api-artifacts')}/x"}))
    job = api.submit(spec)
    truth.publish(api.services, tmp_path, truth.claim(), FILES)
    answer = fetch(api, job)
    assert (answer.status_code, answer.headers["cache-control"]) == (307, "no-store")
    part = httpx.get(answer.headers["location"], headers={"Range": "bytes=5-9"}, trust_env=False)
    assert (part.status_code, part.content) == (206, ONNX[5:10])
    assert fetch(api, job, method="HEAD").headers["etag"] == f'"{hashlib.sha256(ONNX).hexdigest()}"'
    assert fetch(api, job, If_None_Match=f'"{hashlib.sha256(ONNX).hexdigest()}"').status_code == 304
    assert fetch(api, job, "report.html").content == FILES["report.html"]
    with zipfile.ZipFile(io.BytesIO(api.get(job["urls"]["self"] + "/bundle").content)) as archive:
        assert archive.read("student.onnx") == ONNX


def test_the_bundle_holds_everything_and_its_sums(api: Api, job: dict[str, Any]) -> None:
    url = job["urls"]["self"] + "/bundle"
    answer = api.get(url)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{job["id"]}.zip"'
    assert answer.headers["content-length"] == str(len(answer.content))
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {name: archive.read(name) for name in FILES} == FILES
        assert archive.namelist() == sorted([*FILES, "SHA256SUMS"])
    again = api.get(url)
    assert (again.content, again.headers["etag"]) == (answer.content, answer.headers["etag"])
    assert api.get(url, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    head = api.request("HEAD", url)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(answer.content)))


def test_a_job_that_published_nothing_has_no_bundle(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    assert job["urls"]["bundle"] is None
    answer = api.get(job["urls"]["self"] + "/bundle")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")
    assert api.get(job["urls"]["artifacts"]).json()["data"] == []


def test_the_log_of_an_attempt_is_read_from_any_place(
    api: Api, truth: Truth, spec: dict[str, Any], tmp_path: Path
) -> None:
    from store import records

    job = api.submit(spec)
    url = job["urls"]["logs"]
    assert api.get(url).status_code == 404
    lease = truth.claim()
    text = "starting\n<b>größe</b>\n".encode()
    path = tmp_path / "log"
    path.write_bytes(text)
    key = api.services.files.put(path, hashlib.sha256(text).hexdigest())
    with truth.database.write() as session:
        records.attach_log(session, lease, key, len(text))
    answer = api.get(url)
    assert (answer.content, answer.headers["content-type"]) == (text, "text/plain; charset=utf-8")
    assert "immutable" not in answer.headers["cache-control"]
    assert api.get(url, headers={"Range": "bytes=9-"}).content == text[9:]
    assert api.get(f"{url}?attempt=1").content == text
    assert api.get(f"{url}?attempt=2").status_code == 404
    assert api.get(f"{url}?attempt=0").status_code == 422
