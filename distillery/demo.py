"""`distill demo`: the whole way on this machine, from a spec to a small model with its proof, in one command."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from distillery import format as form
from distillery.bundle import SUMS, unpack_bundle, verify_sums
from distillery.client import Client
from distillery.common import err
from distillery.errors import DistilleryError, IntegrityError
from distillery.home import Home
from distillery.result_view import models_table, show_error, verdict_line
from distillery.service import LocalService, example_spec, require_extras
from distillery.specfile import read_spec
from distillery.types import FINAL, Job
from distillery.up import signals_interrupt
from distillery.watch import watch

HOME = Path(".distillery") / "demo"
DRAIN_SECONDS = 15.0
DELIVERED = {
    "student.safetensors", "student.onnx", "result.json", "report.html", "README.md", "spec.yaml", "manifest.json", SUMS
}  # fmt: skip


def demo(output: Path, console: Console) -> None:
    """Start the service, distil the example, bring the result home, stop what was started."""
    require_extras("distill demo", "api", "worker")
    home = Home(HOME.absolute())
    home.make()
    with home.hold() as lock, signals_interrupt():
        service = LocalService(home, "127.0.0.1", 0, clean_environment(os.environ), lambda text: _say(console, text))
        service.drain_seconds = DRAIN_SECONDS
        home.announce(lock, url=service.url, ready=False)
        _say(console, f"Starting the service in {HOME} ...")
        with service.running() as connection, Client(connection.url, connection.key) as client:
            home.announce(lock, url=service.url, ready=True)
            _cancel_leftovers(client)
            _distil(client, output, console)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Without DISTILLERY_* settings: the demo runs embedded, whatever this user's own service uses."""
    return {name: value for name, value in environment.items() if not name.startswith("DISTILLERY_")}


def _distil(client: Client, output: Path, console: Console) -> None:
    spec = example_spec()
    job = client.submit(read_spec(spec).data)
    _say(console, f"Submitted {spec.name} as {job['id']}; live at {client.url}")
    try:
        ended = watch(client, job["id"], console)
    except BaseException:
        _say(console, "Stopping: the job is cancelled, then the service is stopped ...")
        _cancel(client, job["id"])
        raise
    if ended["status"] != "succeeded":
        show_error(err(), ended)
        raise typer.Exit(1)
    _bring_home(client, ended, output, console)


def _bring_home(client: Client, job: Job, output: Path, console: Console) -> None:
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output, prefix=".bundle-") as room:
        unpack_bundle(client.bundle(job["id"], Path(room) / "bundle.zip"), output)
    names = verify_sums(output)
    if missing := DELIVERED - {*names, SUMS}:
        raise IntegrityError(f"The job has not delivered {', '.join(sorted(missing))}; its report says why.")
    total = sum((output / name).stat().st_size for name in names)
    _say(console, f"{output}: {len(names)} files, {form.size(total)}, every checksum holds")
    result = json.loads((output / "result.json").read_text(encoding="utf-8"))
    console.print(models_table(result))
    console.print(verdict_line(result))
    _say(console, f"The report: {output / 'report.html'}")


def _cancel_leftovers(client: Client) -> None:
    """Jobs of a demo that was killed would be served before ours."""
    for job in client.jobs():
        if job["status"] not in FINAL:
            _cancel(client, job["id"])


def _cancel(client: Client, job_id: str) -> None:
    try:
        client.cancel(job_id)
    except DistilleryError:
        return  # it ended in the meantime, or the service is gone: nothing is left to cancel


def _say(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)
