"""Every digest of a job's files can be computed again from the bytes, and the card's code runs as it stands."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file

import kdcore
from kdcore.data import open_data
from kdcore.export import provenance
from kdcore.export.provenance import COMMIT, source
from kdcore.objective.networks import fingerprint
from kdcore.prepare import open_workshop
from kdcore.spec import parse_spec

FORTY = re.compile("[0-9a-f]{40}")


@pytest.fixture(scope="module")
def job(tiny_plan, tmp_path_factory):
    """Plan and folder of a finished job of a few seconds."""
    plan, workdir = tiny_plan(teacher={"train": {"epochs": 1}}, method="hinton", training={"epochs": 1}), None
    workdir = tmp_path_factory.mktemp("job")
    kdcore.run(plan, workdir, lambda record: None)
    return plan, workdir


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest(job):
    return json.loads((job[1] / "artifacts" / "manifest.json").read_text())


def test_the_manifest_and_the_sums_hold_the_digest_of_every_file(job):
    folder = job[1] / "artifacts"
    files = {path.relative_to(folder).as_posix(): sha256(path) for path in folder.rglob("*") if path.is_file()}
    told = {entry["name"]: entry["sha256"] for entry in manifest(job)["artifacts"]}
    assert told == {name: digest for name, digest in files.items() if name not in {"manifest.json", "SHA256SUMS"}}
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert sums == {name: digest for name, digest in files.items() if name != "SHA256SUMS"}
    assert "README.md" in sums
    kinds = {entry["name"]: (entry["kind"], entry["media_type"]) for entry in manifest(job)["artifacts"]}
    assert kinds["README.md"] == ("card", "text/markdown")


def test_the_result_holds_the_digest_of_every_export(job):
    folder = job[1] / "artifacts"
    exports = json.loads((folder / "result.json").read_text())["exports"]
    assert {one["name"]: one["sha256"] for one in exports} == {
        one["name"]: sha256(folder / one["name"]) for one in exports
    }


def test_the_weights_of_every_network_are_known_by_their_bytes_and_by_their_tensors(job):
    plan, workdir = job
    files = {
        "student": workdir / "artifacts" / "student.safetensors",
        "alone": workdir / "runs" / "alone" / "weights.safetensors",
        "teacher": workdir / "runs" / "teacher" / "weights.safetensors",
    }
    told = manifest(job)["provenance"]["weights"]
    assert {part: one["sha256"] for part, one in told.items()} == {part: sha256(path) for part, path in files.items()}
    workshop = open_workshop(plan, None)
    for part, path in files.items():
        network = workshop.fresh("teacher" if part == "teacher" else "student")
        network.load_state_dict(load_file(path))
        assert told[part]["fingerprint"] == fingerprint(network)


def test_data_spec_plan_seeds_and_versions_are_those_of_the_job(job):
    plan, workdir = job
    told = manifest(job)["provenance"]
    assert told["data"]["sha256"] == open_data(plan.dataset).sha256()
    assert told["plan"] == plan.document()
    assert parse_spec(told["spec"]) == plan.spec
    assert told["spec"] == yaml.safe_load((workdir / "artifacts" / "spec.yaml").read_text())
    assert told["seeds"] == {"teacher": 0, "alone": 0, "distil": 0, "splits": 0}
    assert {"python", "torch", "onnx", "onnxruntime"} <= set(told["versions"])
    assert told["hardware"]["cores"] >= 1
    assert told["hardware"]["memory_bytes"] > 1e8


def test_the_code_of_the_card_runs_as_it_stands(job):
    folder = job[1] / "artifacts"
    blocks = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    code = "".join(f"{block}\nassert outputs.shape == (2, 10)\n" for block in blocks)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_commit_is_the_images_else_the_checkouts_else_not_known(monkeypatch, tmp_path):
    told = source()
    assert told["commit"] is None or FORTY.fullmatch(told["commit"])
    monkeypatch.setenv(COMMIT, "c" * 40)
    assert source() == {"commit": "c" * 40, "modified": None}
    monkeypatch.setenv(COMMIT, "")
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    assert source() == {"commit": None, "modified": None}


def test_a_checkout_tells_its_commit_and_whether_files_differ_from_it(monkeypatch, tmp_path):
    def git(*arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        return subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-qm", "first")
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    commit = source()["commit"]
    monkeypatch.delenv("GIT_DIR")
    assert source() == {"commit": git("rev-parse", "HEAD").strip(), "modified": False}
    assert commit == source()["commit"]
    (tmp_path / "file").write_text("two")
    assert source()["modified"] is True
