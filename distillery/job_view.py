"""Jobs as a table, and one job as a page."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from distillery import format as form
from distillery.result_view import models_table, show_error, verdict_line
from distillery.types import Artifact, Attempt, Checkpoint, Job
from distillery.watch import status_text


def show_jobs(console: Console, jobs: Sequence[Job]) -> None:
    """A line for each job; says so when there is none."""
    if not jobs:
        console.print("No jobs. Submit one with: distill submit SPEC", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for title in ("id", "name", "status", "progress", "method", "dataset", "networks", "verdict", "created"):
        table.add_column(title, no_wrap=title in ("id", "status"), overflow="fold")
    for job in jobs:
        table.add_row(
            job["id"],
            job["name"],
            status_text(job["status"]),
            _progress(job),
            job.get("method", ""),
            job.get("dataset", ""),
            networks(job),
            str((job.get("verdict") or {}).get("outcome", "")),
            form.ago(job.get("created_at")),
        )
    console.print(table)


def show_job(console: Console, job: Job, artifacts: Sequence[Artifact]) -> None:
    """Everything about one job that fits a screen."""
    console.print(Text.assemble((job["name"], "bold"), "  ", (job["id"], "dim"), "  ", status_text(job["status"])))
    for name, text in _facts(job).items():
        if text:
            console.print(Text.assemble((f"  {name:10} ", "dim"), text), soft_wrap=True)
    for warning in job.get("warnings") or []:
        console.print(Text.assemble(("  warning    ", "yellow"), warning.get("message", "")), soft_wrap=True)
    if job.get("error"):
        show_error(console, job)
    if result := job.get("result"):
        console.print(models_table(result))
        console.print(verdict_line(result))
    if artifacts:
        console.print(_files(artifacts))


def networks(job: Job) -> str:
    """`resnet20 → resnet8`, or the student alone."""
    return " → ".join(str(job[role]) for role in ("teacher", "student") if job.get(role))


def _facts(job: Job) -> dict[str, str]:
    durations = [f"{phase} {form.duration(seconds)}" for phase, seconds in (job.get("durations") or {}).items()]
    labels = [f"{key}={value}" for key, value in (job.get("labels") or {}).items()]
    return {
        "what": f"{job.get('method', '')} on {job.get('dataset', '')}, {networks(job)}",
        "progress": _progress(job),
        "attempt": f"{job['attempt']} of at most {job.get('attempts_max', '?')}" if job.get("attempt") else "",
        "reason": job.get("termination_reason") or "",
        "created": form.ago(job.get("created_at")),
        "took": ", ".join(durations),
        "labels": ", ".join(labels),
        "study": _place(job),
        "retry of": job.get("retry_of") or "",
        "clone of": job.get("clone_of") or "",
    }


def _place(job: Job) -> str:
    """Where the job stands in its study's table; a shared teacher's arm is a colon and its name."""
    study, arm = job.get("study_id"), job.get("study_arm") or ""
    if study is None:
        return ""
    who = f"shared teacher {arm[1:]}" if arm.startswith(":") else f"arm {arm}"
    return f"{study}, {who}, seed {job.get('study_seed')}"


def _progress(job: Job) -> str:
    now = job.get("progress")
    if not now or job["status"] in ("succeeded", "failed", "cancelled", "queued"):
        return ""
    left = now.get("eta_seconds")
    return f"{job.get('phase')} {now.get('percent') or 0:.0f} %" + (f", {form.duration(left)} left" if left else "")


def _files(artifacts: Sequence[Artifact]) -> Table:
    table = Table(box=None, pad_edge=False, title="files", title_justify="left")
    table.add_column("name")
    table.add_column("size", justify="right")
    table.add_column("sha256", overflow="fold")
    for artifact in artifacts:
        table.add_row(artifact["name"], form.size(artifact["bytes"]), artifact["sha256"])
    return table


def show_history(console: Console, attempts: Sequence[Attempt], checkpoints: Sequence[Checkpoint]) -> None:
    """Attempts and checkpoints as two tables."""
    console.print(_attempts(attempts) if attempts else "No worker has tried yet.")
    console.print(_checkpoints(checkpoints) if checkpoints else "No checkpoint is kept.")


def _attempts(attempts: Sequence[Attempt]) -> Table:
    table = Table(box=None, pad_edge=False, title="attempts", title_justify="left")
    for title in ("number", "outcome", "started", "worker", "from", "error"):
        table.add_column(title, overflow="fold")
    for one in attempts:
        error = (one.get("error") or {}).get("code", "")
        origin = one.get("checkpoint_id") or "the beginning"
        outcome = one.get("outcome") or "running"
        table.add_row(str(one["number"]), outcome, form.ago(one["started_at"]), one["worker_id"], origin, error)
    return table


def _checkpoints(checkpoints: Sequence[Checkpoint]) -> Table:
    table = Table(box=None, pad_edge=False, title="checkpoints", title_justify="left")
    for title in ("id", "run", "step", "size", "written", "state"):
        table.add_column(title, no_wrap=title == "id", justify="right" if title in ("step", "size") else "left")
    for one in checkpoints:
        state = "damaged" if one["damaged"] else "sound"
        size, written = form.size(one["bytes"]), form.ago(one["created_at"])
        table.add_row(one["id"], one.get("run") or "", f"{one['step']:,}", size, written, state)
    return table
