"""The whole service on one machine: tables up to date, API and worker as child processes, both answering."""

import errno
import importlib.util
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from distillery.client import Client
from distillery.config import Connection, read_connection
from distillery.errors import ApiError, ServiceError, Unreachable
from distillery.home import Home
from distillery.processes import Child, python_module
from distillery.transport import BUSY, Retry

NEEDED = {"api": ("fastapi", "uvicorn", "sqlalchemy"), "worker": ("celery", "torch")}
START_SECONDS = 120.0
DRAIN_SECONDS = 45.0
POLL_SECONDS = 0.1
QUICK = Retry(attempts=1)
Say = Callable[[str], None]


class LocalService:
    """API and worker of one home. Use it as `with service.running() as connection`."""

    def __init__(self, home: Home, host: str, port: int, environment: Mapping[str, str], say: Say) -> None:
        self.home, self.host, self.say = home, host, say
        self.port = usable_port(host, port)
        own = {"DISTILLERY_HOME": str(home.path), "DISTILLERY_HOST": host, "DISTILLERY_PORT": str(self.port)}
        self.environment = {**environment, **own, "PYTHONUNBUFFERED": "1"}
        self.api = Child("api", self.environment, home.logs / "api.log")
        self.worker = Child("worker", self.environment, home.logs / "worker.log")
        self.drain_seconds = DRAIN_SECONDS
        self._tick = threading.Lock()

    @property
    def url(self) -> str:
        """The address for a client on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - translated, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @contextmanager
    def running(self) -> Iterator[Connection]:
        """Started and answering inside the block; what dies is started again; everything stopped after it."""
        stopped, finished = threading.Event(), threading.Event()
        keeper = threading.Thread(target=self._keep, args=(stopped, finished), name="keeper", daemon=True)
        try:
            connection = self._start()
            keeper.start()
            yield connection
        finally:
            with self._tick:
                stopped.set()
            try:
                self._stop()
            finally:
                finished.set()

    def _start(self) -> Connection:
        self._run("migrations")
        self.api.start()
        self.worker.start()
        self._wait_for_api()
        connection = self._connection()
        self.home.remember(connection)
        self._wait_for_worker(connection)
        return connection

    def _stop(self) -> None:
        """The worker first: it still tells the database where its job stands."""
        try:
            self.worker.stop(self.drain_seconds)
            self.api.stop(10)
        finally:
            self.worker.kill()
            self.api.kill()

    def _keep(self, stopped: threading.Event, finished: threading.Event) -> None:
        while not stopped.wait(0.5):
            with self._tick:
                for child in (self.api, self.worker):
                    if not stopped.is_set() and (sentence := child.restart_when_due()):
                        self.say(sentence)
        finished.wait()  # Linux ends a child when the thread that started it ends

    def _run(self, module: str, *arguments: str) -> str:
        """Run one of our modules to its end; its output, or an error with its last lines."""
        command = python_module(module, *arguments)
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)  # noqa: S603 - ours
        if done.returncode:
            tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
            raise ServiceError(f"`python -m {' '.join([module, *arguments])}` failed:\n{tail}")
        return done.stdout

    def _wait_for_api(self) -> None:
        with Client(self.url, "unused", retry=QUICK, timeout=5) as client:
            self._wait(self.api, lambda: bool(client.ready()), "the API does not answer")

    def _wait_for_worker(self, connection: Connection) -> None:
        with Client(connection.url, connection.key, retry=QUICK, timeout=5) as client:
            self._wait(self.worker, lambda: self._worker_is_live(client), "the worker has not reported")

    def _worker_is_live(self, client: Client) -> bool:
        pid = self.worker.process.pid if self.worker.process else None
        return any(worker["facts"].get("pid") == pid for worker in client.workers())

    def _wait(self, child: Child, ready: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not child.alive:
                raise ServiceError(f"The {child.module} {child.ending}. Its last lines:\n{child.last_lines()}")
            try:
                if ready():
                    return
            except (ApiError, Unreachable) as error:
                if isinstance(error, ApiError) and error.status not in BUSY:
                    raise
            time.sleep(POLL_SECONDS)
        raise ServiceError(f"After {START_SECONDS:.0f} s {what}. Last lines of {child.log}:\n{child.last_lines()}")

    def _connection(self) -> Connection:
        """This user's key, made once; another one when the database does not know it (any more)."""
        stored = read_connection(self.home.path)
        if stored and stored.key and self._opens(stored.key):
            return Connection(self.url, stored.key)
        return Connection(self.url, self._run("api", "create-key", "--name", "distill up").strip())

    def _opens(self, key: str) -> bool:
        try:
            with Client(self.url, key, timeout=10) as client:
                client.overview()
        except ApiError as error:
            if error.status == 401:
                return False
            raise
        return True


def require_extras(command: str, *extras: str) -> None:
    """Say which extra is missing, without importing anything heavy to find out."""
    missing = [name for extra in extras for name in NEEDED[extra] if importlib.util.find_spec(name) is None]
    if missing:
        remedy = f"pip install 'distillery[{','.join(extras)}]'"
        raise ServiceError(f"`{command}` needs {', '.join(missing)}, not installed here: {remedy}")


def usable_port(host: str, port: int) -> int:
    """The port itself if nobody listens there, or a free one for 0."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except socket.gaierror as error:
        raise ServiceError(f"The host {host!r} cannot be resolved: choose another with --host.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"Port {port} is in use on {host}: choose another with --port (0 = any free one)."
            raise ServiceError(message) from error
        raise ServiceError(f"Cannot listen on {host}:{port} ({error.strerror}): choose --host and --port.") from error


def example_spec() -> Path:
    """The example that ships with the package."""
    return Path(__file__).with_name("examples") / "digits-fitnet.yaml"
