"""The manifest and the checksums describe every file that is handed out."""

import json
import subprocess
from pathlib import Path

import pytest

from kdcore.export import bundle


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    (folder / "extra").mkdir(parents=True)
    for name in ("student.onnx", "student.int8.onnx", "student.safetensors", "report.html", "extra/notes.txt"):
        (folder / name).write_text(f"content of {name}")
    return folder


def test_sha256sum_accepts_the_checksums_and_they_cover_every_other_file(artifacts: Path) -> None:
    bundle(artifacts, {"method": "fitnet"})
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=artifacts, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    checked = {line.rsplit(":", 1)[0] for line in done.stdout.splitlines()}
    files = {p.relative_to(artifacts).as_posix() for p in artifacts.rglob("*") if p.is_file()}
    assert checked == files - {"SHA256SUMS"}


def test_sha256sum_refuses_a_file_that_was_changed_afterwards(artifacts: Path) -> None:
    bundle(artifacts, {})
    (artifacts / "student.onnx").write_text("something else")
    assert subprocess.run(["sha256sum", "-c", "--status", "SHA256SUMS"], cwd=artifacts).returncode == 1


def test_the_manifest_names_kinds_sizes_and_provenance(artifacts: Path) -> None:
    described = bundle(artifacts, {"method": "fitnet", "seed": 3})
    manifest = json.loads((artifacts / "manifest.json").read_text())
    assert manifest["provenance"] == {"method": "fitnet", "seed": 3}
    kinds = {entry["name"]: entry["kind"] for entry in manifest["artifacts"]}
    assert kinds == {
        "student.onnx": "onnx",
        "student.int8.onnx": "onnx-int8",
        "student.safetensors": "safetensors",
        "report.html": "report",
        "extra/notes.txt": "file",
    }
    assert all(entry["bytes"] == len(f"content of {entry['name']}") for entry in manifest["artifacts"])
    assert {entry.name for entry in described} == {*kinds, "manifest.json", "SHA256SUMS"}
    assert all((artifacts.parent / entry.path).stat().st_size == entry.bytes for entry in described)


def test_a_second_bundle_of_the_same_files_is_the_same(artifacts: Path) -> None:
    first = bundle(artifacts, {"seed": 3})
    assert bundle(artifacts, {"seed": 3}) == first
