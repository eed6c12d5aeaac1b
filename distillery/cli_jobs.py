"""`distill jobs`, `show`, `logs`, `cancel`, `pause`, `resume`, `retry`, `download`: jobs that exist."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from distillery import format as form
from distillery.bundle import SUMS, verify_sums
from distillery.client import Client
from distillery.common import AsJson, JobId, client, out, print_json, progress_bars
from distillery.errors import DistilleryError
from distillery.job_view import show_job, show_jobs
from distillery.story import plain
from distillery.types import Job

Ids = Annotated[list[str], typer.Argument(metavar="JOB_ID...", help="One or more job ids.", show_default=False)]


def register(app: typer.Typer) -> None:
    for command in (jobs, show, logs, cancel, pause, resume, retry, download):
        app.command()(command)


def jobs(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="Only jobs in this state.")] = None,
    method: Annotated[str | None, typer.Option(help="Only jobs of this method.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="Only jobs with this label, KEY=VALUE.")] = None,
    q: Annotated[str | None, typer.Option(help="Only jobs whose name or id begins so.")] = None,
    sort: Annotated[
        str | None, typer.Option(help="By created_at, finished_at or name; with - before it the largest first.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    json: AsJson = False,
) -> None:
    """List jobs, newest first unless sorted otherwise."""
    labels = dict(text.partition("=")[::2] for text in label or [])
    with client(context) as service:
        found = list(service.jobs(status=status, method=method, labels=labels, q=q, sort=sort, limit=limit))
    if json:
        print_json(found)
    else:
        show_jobs(out(), found)


def show(context: typer.Context, job_id: JobId, json: AsJson = False) -> None:
    """Show one job: state, progress, what it measured and what it delivers."""
    with client(context) as service:
        job = service.job(job_id)
        artifacts = [] if json else service.artifacts(job_id)
    if json:
        print_json(job)
    else:
        show_job(out(), job, artifacts)


def logs(
    context: typer.Context,
    job_id: JobId,
    attempt: Annotated[int | None, typer.Option(min=1, help="Of this attempt; by default the latest.")] = None,
) -> None:
    """Print what a job's engine printed. Live lines come with `distill watch`."""
    with client(context) as service:
        for line in service.logs(job_id, attempt=attempt).splitlines():
            typer.echo(plain(line))


def cancel(context: typer.Context, job_ids: Ids, json: AsJson = False) -> None:
    """Stop jobs for good. What a running one has trained stays in its last checkpoint."""
    _each(context, job_ids, Client.cancel, json)


def pause(context: typer.Context, job_ids: Ids, json: AsJson = False) -> None:
    """Stop jobs at a checkpoint, to be resumed later."""
    _each(context, job_ids, Client.pause, json)


def resume(context: typer.Context, job_ids: Ids, json: AsJson = False) -> None:
    """Let paused jobs go on from their checkpoint."""
    _each(context, job_ids, Client.resume, json)


def retry(context: typer.Context, job_ids: Ids, json: AsJson = False) -> None:
    """Run failed or cancelled jobs again, as new jobs that go on from the last checkpoint."""
    _each(context, job_ids, Client.retry, json)


def download(
    context: typer.Context,
    job_id: JobId,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these files.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder; by default the job's id.")] = None,
    bundle: Annotated[bool, typer.Option("--bundle", help="One zip file instead of single files.")] = False,
) -> None:
    """Download what a job delivers; every file is checked by sha256, and a cut download is taken up again."""
    folder = output or Path(job_id)
    with client(context) as service:
        if bundle:
            paths = [service.bundle(job_id, folder / f"{job_id}.zip")]
        else:
            with progress_bars() as report:
                paths = service.download(job_id, folder, names or None, report=report)
        if not paths:
            raise DistilleryError(f"Job {job_id} is {service.job(job_id)['status']} and has no files to download.")
    if not names and (folder / SUMS).is_file() and not bundle:
        verify_sums(folder)
    for path in paths:
        out().print(f"{path}  {form.size(path.stat().st_size)}", markup=False, soft_wrap=True)


def _each(context: typer.Context, job_ids: list[str], act: Callable[[Client, str], Job], json: bool) -> None:
    with client(context) as service:
        changed = [act(service, job_id) for job_id in job_ids]
    if json:
        print_json(changed)
        return
    for job in changed:
        origin = f" (again for {job['retry_of']})" if job.get("retry_of") else ""
        out().print(f"{job['id']} is {job['status']}{origin}", markup=False, soft_wrap=True)
