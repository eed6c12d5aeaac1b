"""The API under test and the database behind it, as tests use them."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from api.services import Services
from store import keys, leases, projects, records
from store.database import Database
from store.records import StoredArtifact
from store.settings import Settings

SECRET = "tests-only-secret-0123456789abcdef0123456789"

SPEC: dict[str, Any] = {
    "name": "digits-hints",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 2}},
    "student": {"architecture": "resnet8", "width": 0.5},
    "method": "fitnet",
    "training": {"epochs": 4, "batch_size": 64},
    "labels": {"team": "vision"},
}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every operation in the API's own document."""
    paths = create_app(Settings(secret=SecretStr(SECRET))).openapi()["paths"]
    return [(method, path, found) for path, methods in paths.items() for method, found in methods.items()]


def content_digest(data: bytes) -> str:
    """The header that vouches for bytes that are sent."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


@dataclass
class Truth:
    """The database behind the API, for what only a worker does."""

    settings: Settings
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        self.database = Database(self.settings.database_url)

    def key(self, *scopes: str, project: str = "default") -> str:
        """A key of a project; with every scope when none is named."""
        with self.database.write() as session:
            owner = projects.ensure_project(session, project)
            secret = self.settings.secret_bytes()
            return keys.create_key(session, owner.id, "test", scopes or ("admin", "operate"), secret=secret)[1]

    def claim(self, seconds: float = 600) -> leases.Lease:
        """Be a worker and take the next job."""
        with self.database.write() as session:
            claim = leases.claim(session, owner="w1", resource_classes=["cpu"], lease_seconds=seconds)
        assert claim is not None
        return claim.lease

    def relay(self, lease: leases.Lease, *told: dict[str, Any]) -> None:
        """Tell what an engine would."""
        with self.database.write() as session:
            records.relay(session, lease, list(told))

    def log(self, lease: leases.Lease, *messages: str) -> None:
        """One event for each message."""
        for message in messages:
            self.relay(lease, {"type": "log", "level": "info", "message": message})

    def publish(self, services: Services, folder: Path, lease: leases.Lease, contents: dict[str, bytes]) -> None:
        """End the job with these files."""
        stored = [self._stored(services, folder, name, data) for name, data in contents.items()]
        with self.database.write() as session:
            records.publish(session, lease, {"verdict": {"outcome": "better", "text": "better"}}, stored)

    def _stored(self, services: Services, folder: Path, name: str, data: bytes) -> StoredArtifact:
        sha256 = hashlib.sha256(data).hexdigest()
        path = folder / sha256
        path.write_bytes(data)
        key = services.files.put(path, sha256)
        media = "text/html" if name.endswith(".html") else "application/octet-stream"
        return StoredArtifact(name, "file", media, sha256, len(data), key)

    def fail(self, lease: leases.Lease) -> None:
        """End the job as failed for good."""
        with self.database.write() as session:
            records.fail(session, lease, {"code": "invalid_data", "message": "no"}, retry=False)


class Api:
    """The application in this process, asked as a client would."""

    def __init__(self, app: FastAPI, portal: BlockingPortal, key: str | None) -> None:
        self.app, self._portal, self.key = app, portal, key

    @property
    def services(self) -> Services:
        """What its routes work with."""
        found: Services = self.app.state.services
        return found

    def with_key(self, key: str | None) -> Api:
        """The same application, asked with another key."""
        return Api(self.app, self._portal, key)

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, **rest: Any) -> httpx.Response:
        """One request, with the key unless ``headers`` say otherwise."""
        sent = ({"Authorization": f"Bearer {self.key}"} if self.key else {}) | (headers or {})

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8400") as client:
                return await client.request(method, path, headers=sent, **rest)

        return self._portal.call(ask)

    def patch(self, path: str, **rest: Any) -> httpx.Response:
        """PATCH."""
        return self.request("PATCH", path, **rest)

    def put(self, path: str, **rest: Any) -> httpx.Response:
        """PUT."""
        return self.request("PUT", path, **rest)

    def delete(self, path: str, **rest: Any) -> httpx.Response:
        """DELETE."""
        return self.request("DELETE", path, **rest)

    def get(self, path: str, **rest: Any) -> httpx.Response:
        """GET."""
        return self.request("GET", path, **rest)

    def post(self, path: str, **rest: Any) -> httpx.Response:
        """POST."""
        return self.request("POST", path, **rest)

    def submit(self, spec: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A job that was accepted."""
        answer = self.post("/v1/jobs", json={**spec, **changes})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found


Start = Callable[[Settings], Api]


class Served:
    """``python -m api`` as a process of its own on a free port."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api", "--port", "0"],
                env=environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        self.url = self._wait_until_ready(time.monotonic() + 60)

    def _wait_until_ready(self, until: float) -> str:
        while time.monotonic() < until and self.process.poll() is None:
            found = re.search(r'"url": "(http://[^"]+)"', self.log.read_text())
            if found and self._answers(found[1]):
                return found[1]
            time.sleep(0.05)
        self.stop()
        raise AssertionError(self.log.read_text())

    @staticmethod
    def _answers(url: str) -> bool:
        try:
            return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def client(self, key: str | None) -> httpx.Client:
        """An HTTP client with a key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Limits(max_connections=None)
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=30, limits=limits)

    def stop(self) -> int:
        """End it, in good order if it can; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def environment(settings: Settings) -> dict[str, str]:
    """What tells a process these settings, and nothing of whoever runs the tests."""
    told = {"HOME": str(settings.home), "HOST": settings.host, "DATABASE_URL": settings.database_url}
    told |= {"BROKER_URL": settings.broker_url, "SECRET": settings.secret_bytes().decode()}
    told |= {"RATE_PER_SECOND": str(settings.rate_per_second), "RATE_BURST": str(settings.rate_burst)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISTILLERY_")}
    return kept | {f"DISTILLERY_{name}": value for name, value in told.items()}
