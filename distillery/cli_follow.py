"""`distill watch`: follow a job to its end, and say how it ended."""

import json as json_module
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.text import Text

from distillery.client import Client
from distillery.common import AsJson, JobId, client, err, out
from distillery.result_view import show_error, show_result
from distillery.types import Job
from distillery.watch import watch as watch_job


def register(app: typer.Typer) -> None:
    app.command()(watch)


def watch(
    context: typer.Context,
    job_id: JobId,
    json: Annotated[bool, typer.Option("--json", help="Print the events as JSON, one a line.")] = False,
) -> None:
    """Follow a job live until it ends. Ctrl-C only stops watching."""
    with client(context) as service:
        follow_to_end(service, job_id, json)


def follow_to_end(service: Client, job_id: str, json: AsJson) -> None:
    """Show a job until it ends; exits with 1 unless it succeeded, with 130 when the watcher leaves."""
    with _leaving(job_id):
        job = _events_as_json(service, job_id) if json else watch_job(service, job_id, out())
    if not json:
        tell_end(job)
    if job["status"] != "succeeded":
        raise typer.Exit(1)


def show_until_end(service: Client, job_id: str) -> Job:
    """Show a job on stderr until it ends, however that is; exits with 130 when the watcher leaves."""
    with _leaving(job_id):
        return watch_job(service, job_id, err())


@contextmanager
def _leaving(job_id: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as error:
        message = f"Stopped watching; the job goes on. To stop the job itself: distill cancel {job_id}"
        err().print(Text(f"\n{message}", style="yellow"), soft_wrap=True)
        raise typer.Exit(130) from error


def tell_end(job: Job) -> None:
    """How a job ended: its result, or its error on stderr."""
    if job["status"] == "succeeded":
        show_result(out(), job)
    else:
        show_error(err(), job)


def _events_as_json(service: Client, job_id: str) -> Job:
    for event in service.stream(job_id):
        sys.stdout.write(json_module.dumps(event, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    return service.job(job_id)
