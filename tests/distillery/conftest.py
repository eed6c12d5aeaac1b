"""A real HTTP server on a free port whose behaviour a test writes down, and a client that retries without waiting."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from distillery import Client, Retry

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
