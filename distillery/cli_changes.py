"""`distill change`, `clone`, `continue`, `history`, `delete`: what becomes of jobs that exist."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from distillery.assign import assigned
from distillery.common import AsJson, JobId, client, out, print_json
from distillery.job_view import show_history
from distillery.types import Job


def register(app: typer.Typer) -> None:
    for command in (change, clone, history, delete):
        app.command()(command)
    app.command("continue")(continue_)


def change(
    context: typer.Context,
    job_id: JobId,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="A label, KEY=VALUE; KEY= takes it away.")] = None,
    priority: Annotated[int | None, typer.Option(help="-100 to 100; higher runs first.")] = None,
    json: AsJson = False,
) -> None:
    """Change a job's name, labels or priority."""
    labels = None if label is None else _labels(label)
    if name is None and labels is None and priority is None:
        raise typer.BadParameter("name what to change: --name, --label or --priority")
    with client(context) as service:
        job = service.change(job_id, name=name, labels=labels, priority=priority)
    _told(job, f"is at version {job['version']}", json)


def clone(
    context: typer.Context,
    job_id: JobId,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A change of the spec, as training.epochs=40; PATH= leaves it out."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Submit a job's spec again, with changes."""
    with client(context) as service:
        job = service.clone(job_id, assigned(set_ or []))
    _told(job, f"is {job['status']} (clone of {job_id})", json)


def continue_(
    context: typer.Context,
    job_id: JobId,
    checkpoint_id: Annotated[str, typer.Argument(help="A checkpoint of the job; see distill history.")],
    json: AsJson = False,
) -> None:
    """Start a new job with the same plan from a checkpoint of this one."""
    with client(context) as service:
        job = service.continue_from(job_id, checkpoint_id)
    _told(job, f"is {job['status']} (goes on from {checkpoint_id})", json)


def history(context: typer.Context, job_id: JobId, json: AsJson = False) -> None:
    """Show a job's attempts and its checkpoints."""
    with client(context) as service:
        attempts, checkpoints = service.attempts(job_id), service.checkpoints(job_id)
    if json:
        print_json({"attempts": attempts, "checkpoints": checkpoints})
    else:
        show_history(out(), attempts, checkpoints)


def delete(
    context: typer.Context,
    job_ids: Annotated[
        list[str], typer.Argument(metavar="JOB_ID...", help="Jobs that have ended.", show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget jobs that have ended, with their logs, checkpoints and files."""
    if not yes:
        typer.confirm(f"Delete {len(job_ids)} job(s) with everything that they left?", abort=True)
    with client(context) as service:
        for job_id in job_ids:
            service.delete(job_id)
            out().print(f"{job_id} is deleted", markup=False, soft_wrap=True)


def _labels(texts: Iterable[str]) -> dict[str, str | None]:
    pairs = [text.partition("=") for text in texts]
    return {key: value or None for key, _, value in pairs}


def _told(job: Job, what: str, json: bool) -> None:
    shown: Any = job
    if json:
        print_json(shown)
    else:
        out().print(f"{job['id']} {what}", markup=False, soft_wrap=True)
