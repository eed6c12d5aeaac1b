"""Downloads: a cut is taken up again, wrong bytes never get the file's name, and names never leave the folder."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from distillery import Client, IntegrityError, Unreachable
from distillery.bundle import unpack_bundle, verify_sums

Connect = Callable[..., Client]
CONTENT = bytes(range(256)) * 20_000  # 5 MB


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Artifacts:
    """One artifact; the first `cuts` answers end after a third of what was asked for."""

    def __init__(
        self, cuts: int = 0, *, name: str = "student.onnx", ranges: bool = True, content: bytes = CONTENT
    ) -> None:
        self.cuts, self.ranges, self.content = cuts, ranges, content
        self.dies = False
        self.listed: dict[str, Any] = {"name": name, "sha256": sha256(CONTENT), "bytes": len(CONTENT), "kind": "onnx"}
        self.asked: list[str | None] = []

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.path.split("?")[0].endswith("/artifacts"):
            return self.answer(handler, 200, json.dumps({"data": [self.listed], "has_more": False}).encode())
        wanted = handler.headers.get("Range")
        self.asked.append(wanted)
        if self.dies and self.cuts == 0:
            handler.close_connection = True
            return None
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.ranges else 0
        body = self.content[start:]
        if self.cuts:
            self.cuts -= 1
            handler.close_connection = True
            return self.answer(handler, 206 if start else 200, body, send=len(body) // 3)
        return self.answer(handler, 206 if start else 200, body)

    @staticmethod
    def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, send: int | None = None) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:send])


def test_a_download_is_the_published_bytes(connect: Connect, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    client = connect(Artifacts())
    paths = client.download("job_1", tmp_path / "out", report=lambda *step: seen.append(step))
    assert paths == [tmp_path / "out" / "student.onnx"]
    assert paths[0].read_bytes() == CONTENT
    assert seen[-1] == ("student.onnx", len(CONTENT), len(CONTENT))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["student.onnx"]


def test_a_cut_download_is_taken_up_where_it_was(connect: Connect, tmp_path: Path) -> None:
    service = Artifacts(cuts=3)
    assert connect(service).download("job_1", tmp_path)[0].read_bytes() == CONTENT
    starts = [0 if wanted is None else int(wanted[6:-1]) for wanted in service.asked]
    assert starts == sorted(set(starts))
    assert len(starts) == 4


def test_a_download_goes_on_in_another_process(connect: Connect, tmp_path: Path) -> None:
    dying = Artifacts(cuts=1)
    dying.dies = True
    with pytest.raises(Unreachable):
        connect(dying).download("job_1", tmp_path)
    (part,) = tmp_path.iterdir()
    assert part.name.startswith(".student.onnx.")
    have = part.stat().st_size
    service = Artifacts()
    assert connect(service).download("job_1", tmp_path)[0].read_bytes() == CONTENT
    assert service.asked == [f"bytes={have}-"]
    assert 0 < have < len(CONTENT)


def test_a_server_without_ranges_sends_it_all_again(connect: Connect, tmp_path: Path) -> None:
    assert connect(Artifacts(cuts=1, ranges=False)).download("job_1", tmp_path)[0].read_bytes() == CONTENT


def test_bytes_that_do_not_match_never_get_the_name(connect: Connect, tmp_path: Path) -> None:
    wrong = CONTENT[:-1] + b"!"
    with pytest.raises(IntegrityError, match=r"student\.onnx"):
        connect(Artifacts(content=wrong)).download("job_1", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_is_not_fetched_again(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "student.onnx").write_bytes(CONTENT)
    service = Artifacts()
    connect(service).download("job_1", tmp_path)
    assert service.asked == []


def test_another_file_of_that_name_is_replaced_whole(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "student.onnx").write_bytes(b"an older job's")
    assert connect(Artifacts(cuts=1)).download("job_1", tmp_path)[0].read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["../evil", "/etc/x", "a/../b", "a//b", "a/.b", "..", ".hidden", "a\\b", ""])
def test_a_name_that_leaves_the_folder_is_refused(connect: Connect, tmp_path: Path, name: str) -> None:
    with pytest.raises(IntegrityError, match="no plain file name"):
        connect(Artifacts(name=name)).download("job_1", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_name_that_the_job_lacks_is_said_with_those_it_has(connect: Connect, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"has no student\.pt; it has student\.onnx"):
        connect(Artifacts()).download("job_1", tmp_path, ["student.pt"])


def test_an_empty_artifact_is_an_empty_file(connect: Connect, tmp_path: Path) -> None:
    service = Artifacts(content=b"")
    service.listed |= {"sha256": sha256(b""), "bytes": 0}
    assert connect(service).download("job_1", tmp_path)[0].read_bytes() == b""


def bundle(files: dict[str, bytes], sums: dict[str, bytes] | None = None) -> bytes:
    lines = "".join(f"{sha256(content)}  {name}\n" for name, content in (sums or files).items())
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as pack:
        for name, content in {**files, "SHA256SUMS": lines.encode()}.items():
            pack.writestr(name, content)
    return made.getvalue()


class Bundles:
    """A bundle whose first answer is cut; without Content-Length, as a stream is."""

    def __init__(self, content: bytes, cuts: int) -> None:
        self.content, self.cuts = content, cuts

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(self.content[: len(self.content) // 2] if self.cuts else self.content)
        self.cuts = max(0, self.cuts - 1)
        handler.close_connection = True


def test_a_bundle_that_was_cut_is_fetched_again(connect: Connect, tmp_path: Path) -> None:
    content = bundle({"a.bin": CONTENT, "b.txt": b"b"})
    saved = connect(Bundles(content, cuts=1)).bundle("job_1", tmp_path / "x" / "b.zip")
    assert saved.read_bytes() == content
    assert [path.name for path in saved.parent.iterdir()] == ["b.zip"]


def test_a_bundle_unpacks_into_the_folder_itself(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(bundle({"a.bin": CONTENT, "b.txt": b"b"}))
    names = [path.name for path in unpack_bundle(tmp_path / "b.zip", tmp_path / "out")]
    assert names == ["SHA256SUMS", "a.bin", "b.txt"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert verify_sums(tmp_path / "out") == ["a.bin", "b.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bundle({"../a": b"x"}), "no plain file name"),
        (bundle({"a": b"x"}, sums={"a": b"y"}), "a does not match"),
        (bundle({"a": b"x"}, sums={"a": b"x", "b": b"y"}), "b is named in SHA256SUMS but missing"),
    ],
)
def test_a_bundle_that_does_not_hold_leaves_nothing_behind(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(IntegrityError, match=message):
        unpack_bundle(tmp_path / "b.zip", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_changed_after_the_download_is_found(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(bundle({"a.bin": b"x", "b.txt": b"b"}))
    unpack_bundle(tmp_path / "b.zip", tmp_path / "out")
    (tmp_path / "out" / "a.bin").write_bytes(b"y")
    with pytest.raises(IntegrityError, match=r"a\.bin does not match"):
        verify_sums(tmp_path / "out")
