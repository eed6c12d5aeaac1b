"""The service on a free port; and a server whose behaviour a test writes down, with a client that retries at once."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_service import Service
from pydantic import SecretStr
from servers import free_port, wait_until
from typer.testing import CliRunner

from distillery import Client, Retry
from distillery.cli import app
from store import keys, projects
from store.database import Database
from store.settings import Settings

Answer = Callable[[BaseHTTPRequestHandler], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what these tests are about."""


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    """Serve every request with the given function; returns the address."""
    servers: list[_Server] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                answer(self)

            def do_POST(self) -> None:
                answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Silence."""

        server = _Server(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def connect(serve: Callable[[Answer], str]) -> Iterator[Callable[[Answer], Client]]:
    """A client of a server that answers so."""
    clients: list[Client] = []

    def start(answer: Answer, attempts: int = 4) -> Client:
        client = Client(serve(answer), "dk_test", retry=Retry(attempts=attempts, base=0.001, cap=0.01), timeout=5)
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "distillery.sqlite").write_bytes(sqlite_template.read_bytes())
    port, secret = free_port(), "0123456789abcdef" * 4
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DISTILLERY_")}
    environment |= {"DISTILLERY_HOME": str(folder), "DISTILLERY_PORT": str(port), "DISTILLERY_SECRET": secret}
    settings = Settings(home=folder, secret=SecretStr(secret))
    database = Database(settings.database_url)
    with database.write() as session:
        project = projects.ensure_project(session, "default")
        key = keys.create_key(session, project.id, "test", ["admin", "operate"], secret=settings.secret_bytes())[1]
    with (folder / "api.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "api"], env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None, (folder / "api.log").read_text()
        try:
            return httpx.get(f"{url}/readyz").is_success
        except httpx.TransportError:
            return False

    try:
        wait_until(ready, "the API")
        yield Service(url, key, settings, database, folder)
    finally:
        process.terminate()
        process.wait(20)
        database.close()


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(service.url, service.key) as client:
        yield client
        for job in client.jobs():
            if job["status"] not in ("succeeded", "failed", "cancelled"):
                client.cancel(job["id"])


@pytest.fixture
def distill(service: Service, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command line, connected by the environment; gives exit code, stdout and stderr."""
    monkeypatch.setenv("DISTILLERY_URL", service.url)
    monkeypatch.setenv("DISTILLERY_API_KEY", service.key)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, input: str | None = None) -> Any:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=input)

    return run
