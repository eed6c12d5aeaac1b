"""`distill up`: the local service in the foreground until Ctrl-C, or in the background until `distill down`."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape

from distillery.config import Connection
from distillery.errors import ServiceError
from distillery.home import Home
from distillery.processes import python_module
from distillery.service import START_SECONDS, LocalService, example_spec, require_extras

STOP_SECONDS = 75.0


def up(home: Home, host: str, port: int, console: Console) -> None:
    """Run the service until SIGINT, SIGTERM or SIGHUP; a second signal ends the children at once."""
    require_extras("distill up", "api", "worker")
    home.make()
    with home.hold() as lock, signals_interrupt():
        service = LocalService(home, host, port, os.environ, lambda text: console.print(escape(text), style="yellow"))
        home.announce(lock, url=service.url, ready=False)
        console.print(f"Starting on {escape(str(home.path))} ...")
        with service.running() as connection:
            with suppress(KeyboardInterrupt):  # from here on a signal means to stop, even amid the welcome
                home.announce(lock, url=service.url, ready=True)
                _welcome(console, home, connection)
                threading.Event().wait()
            console.print("Stopping: a running job is checkpointed and goes on with the next `distill up` ...")
    console.print("Stopped.")


def up_detached(home: Home, host: str, port: int, console: Console) -> None:
    """Start `distill up` in the background and come back when it answers."""
    require_extras("distill up", "api", "worker")
    home.make()
    with home.hold():
        pass  # somebody else's service is refused here, with its address
    log = home.logs / "up.log"
    command = python_module("distillery", "up", "--home", str(home.path), "--host", host, "--port", str(port))
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    deadline = time.monotonic() + 2 * START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        holder = home.holder()
        if holder and holder.get("ready"):
            _welcome(console, home, Connection(str(holder["url"]), None), pid=process.pid)
            return
        time.sleep(0.1)
    process.terminate()
    raise ServiceError(log.read_text(encoding="utf-8", errors="replace").strip() or f"It did not start; see {log}.")


def down(home: Home, console: Console) -> None:
    """Stop the service of this home, wherever it was started."""
    holder = home.holder()
    if holder is None or not holder.get("pid"):
        console.print(f"Nothing runs on {escape(str(home.path))}.")
        return
    os.kill(int(holder["pid"]), signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while home.holder() is not None:
        if time.monotonic() > deadline:
            raise ServiceError(f"Process {holder['pid']} has not stopped after {STOP_SECONDS:.0f} s; see {home.logs}.")
        time.sleep(0.1)
    console.print("Stopped.")


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """SIGTERM and a closed terminal end the block as Ctrl-C does, so that what it started is stopped."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means it
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _welcome(console: Console, home: Home, connection: Connection, pid: int | None = None) -> None:
    example = _short(example_spec())
    stop = f"distill down (process {pid})" if pid else "Ctrl-C"
    where = "" if home.path == Path("~/.distillery").expanduser() else f"DISTILLERY_HOME={home.path} "
    console.print(f"[bold green]Distillery is ready:[/] [bold]{connection.url}[/]  (dashboard and REST API)")
    for name, text in {
        "home": f"{home.path}  (logs in logs/, your key in client.json)",
        "submit": f"{where}distill submit {example} --watch",
        "stop": stop,
    }.items():
        console.print(f"  {name:7} {text}", markup=False, highlight=False, soft_wrap=True)


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
