"""The program: what it imports, when it refuses to start, the first key, and real downloads."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from api_client import Served, Truth, environment

from api.__main__ import main
from api.services import open_services
from store.settings import Settings


def run(settings: Settings, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api", *arguments],
        env=environment(settings) | changes,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_api_never_imports_torch_nor_what_only_workers_need() -> None:
    code = "import sys, api.main; print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert "api.app" in loaded
    unwanted = {"torch", "numpy", "onnx", "celery.worker", "worker", "plotly", "matplotlib", "httpx"}
    assert not loaded & unwanted
    inner = {name for name in loaded if name.startswith("kdcore.") and not name.startswith("kdcore.spec")}
    assert not {name for name in inner if name.split(".")[1] not in ("errors", "spec")}


def test_a_port_in_use_is_said_in_one_line_with_the_remedy(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run(settings, "--port", str(port))
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert f"127.0.0.1:{port} is in use" in refused.stderr
    assert "DISTILLERY_PORT" in refused.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"DISTILLERY_HOST": "0.0.0.0"}, "DISTILLERY_ALLOWED_HOSTS"),
        ({"DISTILLERY_HOST": "::"}, "DISTILLERY_ALLOWED_HOSTS"),
        (
            {"DISTILLERY_HOST": "0.0.0.0", "DISTILLERY_ALLOWED_HOSTS": "a.example", "DISTILLERY_AUTH": "false"},
            "DISTILLERY_AUTH",
        ),
        ({"DISTILLERY_HOST": "203.0.113.9", "DISTILLERY_ALLOWED_HOSTS": "a.example"}, "203.0.113.9:8400"),
        ({"DISTILLERY_HOST": "no.such.host.invalid", "DISTILLERY_ALLOWED_HOSTS": "a.example"}, "no.such.host.invalid"),
        ({"DISTILLERY_PORT": "http"}, "port"),
        ({"DISTILLERY_SECRET": ""}, "DISTILLERY_SECRET"),
        ({"DISTILLERY_SECRET": "short"}, "32 characters"),
        ({"DISTILLERY_DATABASE_URL": "mysql://x/y"}, "mysql"),
        ({"DISTILLERY_FILES_URL": "ftp://x/y"}, "ftp"),
    ],
)
def test_what_cannot_or_ought_not_start_says_why_in_one_line(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    said: str,
) -> None:
    for name, value in (environment(settings) | changes).items():
        monkeypatch.setenv(name, value)
    assert main([]) == 2
    refused = capsys.readouterr().err
    assert refused.startswith("distillery: ")
    assert refused.count("\n") == 1
    assert said in refused


def test_the_first_key_is_printed_once_and_works(settings: Settings, served: Served) -> None:
    made = run(settings, "create-key", "--name", "ops", "--scopes", "jobs:read", "jobs:write")
    assert made.returncode == 0, made.stderr
    assert made.stderr == ""
    key = made.stdout.strip()
    assert key.startswith("dk_")
    with served.client(key) as client:
        assert client.get("/v1/session").json()["scopes"] == ["jobs:read", "jobs:write"]
    assert key[3:] not in served.log.read_text()


def test_a_key_needs_a_migrated_database(settings: Settings, tmp_path: Path) -> None:
    empty = {"DISTILLERY_DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite'}"}
    refused = run(settings, "create-key", "--name", "ops", **empty)
    assert refused.returncode == 2
    assert "python -m migrations" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_download_survives_real_http(
    settings: Settings, served: Served, truth: Truth, spec: dict[str, Any], tmp_path: Path
) -> None:
    data = bytes(range(256)) * 20_000
    with served.client(truth.key()) as client:
        job = client.post("/v1/jobs", json=spec).json()
        services = open_services(settings)
        truth.publish(services, tmp_path, truth.claim(), {"student.onnx": data})
        services.close()
        url = f"{job['urls']['artifacts']}/student.onnx"
        whole, head = client.get(url), client.head(url)
        assert hashlib.sha256(whole.content).hexdigest() == head.headers["etag"].strip('"')
        assert int(head.headers["content-length"]) == len(data)
        assert head.content == b""
        halves = [client.get(url, headers={"Range": f"bytes={span}"}) for span in ("0-2500000", "2500001-")]
        assert [half.status_code for half in halves] == [206, 206]
        assert halves[0].content + halves[1].content == data
        assert client.get(url, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
        assert client.get(url, headers={"If-None-Match": head.headers["etag"]}).status_code == 304
        bundle = client.get(job["urls"]["self"] + "/bundle")
        assert len(bundle.content) == int(bundle.headers["content-length"])
