"""An inspection hands on what is safe and says why the rest is not, in a process that can only spend so much."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pictures import archive, two_classes

PLAN: dict[str, Any] = {
    "kind": "inspection",
    "subject": "dataset",
    "options": {"name": "scans", "format": "image-folder", "size": {"height": 8, "width": 8}},
    "caps": {},
    "limits": {"memory_bytes": 2 * 10**9, "seconds": 60},
    "source": "inputs/source",
}

# The limits hold for good, so each inspection has a process of its own.
PROGRAM = """
import json, sys
from pathlib import Path
from kdcore import EngineError, Stopped, inspect
records, work = [], Path(sys.argv[2])
stop = (lambda: sys.argv[3] or None)
try:
    inspect.run(json.loads(sys.argv[1]), work, records.append, stop=stop)
    end = None
except EngineError as error:
    end = [error.code, error.message, error.param]
except Stopped as stopped:
    end = ["stopped", stopped.reason, None]
import resource
names = ("RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_CORE")
limits = {name: resource.getrlimit(getattr(resource, name))[1] for name in names}
print(json.dumps({"records": records, "end": end, "limits": limits}))
"""


def inspected(work: Path, files: dict[str, bytes], stop: str = "", **changes: Any) -> dict[str, Any]:
    """What an inspection of a zip of these files says, and how it ends."""
    source = work / "inputs" / "source"
    source.mkdir(parents=True)
    (source / "scans.zip").write_bytes(archive(files))
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-c", PROGRAM, json.dumps(PLAN | changes), str(work), stop]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def of_type(found: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The records of one type."""
    return [record for record in found["records"] if record["type"] == kind]


def test_a_good_dataset_is_handed_on_file_by_file_with_its_card_and_report(tmp_path: Path) -> None:
    found = inspected(tmp_path, two_classes())
    assert found["end"] is None
    artifacts = {record["name"]: record for record in of_type(found, "artifact")}
    roles = {name: record["kind"] for name, record in artifacts.items()}
    assert (roles["dataset.json"], roles["report.json"]) == ("card", "report")
    assert (roles["train/inputs.npy"], roles["preview/samples.json"]) == ("pack", "preview")
    assert artifacts["preview/00.png"]["media_type"] == "image/png"
    for record in artifacts.values():
        assert (tmp_path / record["path"]).stat().st_size == record["bytes"]
    (result,) = of_type(found, "result")
    assert result["result"]["card"]["splits"]["train"]["count"] == 24
    assert result["result"]["report"]["state"] == "ready"
    assert [record["type"] for record in found["records"]][-1] == "result"


def test_a_refused_dataset_leaves_its_report_and_no_half_of_a_pack(tmp_path: Path) -> None:
    found = inspected(tmp_path, {**two_classes(), "dark/broken.png": b"no picture"})
    assert found["end"][0] == "invalid_data"
    assert "dark/broken.png" in found["end"][1]
    assert [record["name"] for record in of_type(found, "artifact")] == ["report.json"]
    (result,) = of_type(found, "result")
    assert (result["result"]["card"], result["result"]["report"]["faults"]["total"]) == (None, 1)


def test_caps_of_the_operator_hold(tmp_path: Path) -> None:
    found = inspected(tmp_path, two_classes(), caps={"members": 5})
    assert found["end"][0] == "invalid_data"
    assert "5" in found["end"][1]


def test_more_memory_than_allowed_is_refused_and_not_tried_again(tmp_path: Path) -> None:
    limits = {"memory_bytes": 3_000_000, "seconds": 60}
    found = inspected(tmp_path, two_classes(side=2000), limits=limits)
    assert (found["end"][0], found["end"][2]) == ("out_of_memory", "/source")


def test_the_process_is_bounded_for_good(tmp_path: Path) -> None:
    found = inspected(tmp_path, two_classes(each=2), caps={"pack_bytes": 10**7, "unpacked_bytes": 10**6})
    assert found["limits"]["RLIMIT_FSIZE"] == 10**7 + 2**20
    assert found["limits"]["RLIMIT_CORE"] == 0
    assert 2 * 10**9 < found["limits"]["RLIMIT_DATA"] < 20 * 10**9


def test_a_stop_is_obeyed(tmp_path: Path) -> None:
    found = inspected(tmp_path, two_classes(), stop="cancel")
    assert found["end"] == ["stopped", "cancel", None]
    assert of_type(found, "result") == []


def test_every_cap_of_the_engine_is_a_setting_of_the_operator() -> None:
    from kdcore.bring import Caps
    from store.settings import Settings, cap_settings

    assert set(cap_settings().values()) == set(Caps.model_fields) - {"listed"}
    assert Settings(weights_bytes=5, dataset_pixels=7).caps() == {"model_bytes": 5, "pixels": 7}
