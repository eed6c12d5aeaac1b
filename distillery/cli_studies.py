"""`distill study`: questions that several jobs answer."""

import json as json_module
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from distillery import cli_pilots
from distillery import format as form
from distillery.cli_submit import Spec, explained
from distillery.client import Client
from distillery.common import AsJson, client, err, out, print_json, table
from distillery.specfile import read_spec
from distillery.study_view import show_results, show_study, show_study_plan, study_line
from distillery.types import FINAL, Study

study_app = typer.Typer(no_args_is_help=True, help="Ask a question that several jobs answer, and see what came out.")
StudyId = Annotated[str, typer.Argument(help="The study's id (std_...).", show_default=False)]
POLL_SECONDS = 2.0


def register(app: typer.Typer) -> None:
    cli_pilots.register(study_app)
    app.add_typer(study_app, name="study")


@study_app.command("plan")
def plan(context: typer.Context, spec: Spec, json: AsJson = False) -> None:
    """Show what a study would run: its arms, how many jobs, what they cost. Makes nothing."""
    source = read_spec(spec, sys.stdin)
    with client(context) as service, explained(source):
        document = service.plan_study(source.data)
    if json:
        print_json(document)
    else:
        show_study_plan(out(), document)


@study_app.command("submit")
def submit(
    context: typer.Context,
    spec: Spec,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow the study until it ends.")] = False,
    idempotency_key: Annotated[str | None, typer.Option(help="Twice with the same key makes one study.")] = None,
    json: AsJson = False,
) -> None:
    """Begin a study and print its id."""
    source = read_spec(spec, sys.stdin)
    with client(context) as service:
        with explained(source):
            study = service.create_study(source.data, idempotency_key=idempotency_key)
        if json:
            print_json(study)
        else:
            out().print(study["id"])
            told = f"{study['jobs']['planned']} jobs are planned; follow it with: distill study watch {study['id']}"
            err().print(told, markup=False)
        if watch:
            _follow(service, study["id"])


@study_app.command("list")
def list_(
    context: typer.Context,
    status: Annotated[list[str] | None, typer.Option(help="Only these; may be repeated.")] = None,
    q: Annotated[str | None, typer.Option(help="The beginning of an id or name.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 20,
    json: AsJson = False,
) -> None:
    """List studies, newest first."""
    with client(context) as service:
        found = list(service.studies(status=status, q=q, limit=limit))
    if json:
        print_json(found)
    else:
        table(("id", "name", "status", "dataset", "arms", "seeds", "jobs", "created"), [_row(one) for one in found])


@study_app.command("show")
def show(context: typer.Context, study_id: StudyId, json: AsJson = False) -> None:
    """Show a study with its table."""
    with client(context) as service:
        study = service.study(study_id)
        if json:
            print_json(study)
        else:
            show_study(out(), study, service.study_results(study_id))


@study_app.command("watch")
def watch(context: typer.Context, study_id: StudyId) -> None:
    """Follow a study until it ends; then its table. Ctrl-C only stops watching."""
    with client(context) as service:
        _follow(service, study_id)


@study_app.command("results")
def results(
    context: typer.Context,
    study_id: StudyId,
    csv: Annotated[bool, typer.Option("--csv", help="Print the runs as comma-separated values.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write JSON or CSV to this file.")] = None,
    json: AsJson = False,
) -> None:
    """Show a study's table: means with intervals, paired differences, what was stopped and why."""
    with client(context) as service:
        if csv or (output is not None and output.suffix == ".csv"):
            _write(service.study_csv(study_id), output)
            return
        document = service.study_results(study_id)
    if output is not None:
        _write(_text(document), output)
    elif json:
        print_json(document)
    else:
        show_results(out(), document)


@study_app.command("cancel")
def cancel(context: typer.Context, study_id: StudyId, json: AsJson = False) -> None:
    """Begin no further job of a study, and cancel those that have not ended."""
    with client(context) as service:
        study = service.cancel_study(study_id)
    if json:
        print_json(study)
    else:
        out().print(f"{study['id']} is {study['status']}", markup=False, soft_wrap=True)


@study_app.command("delete")
def delete(context: typer.Context, study_id: StudyId) -> None:
    """Forget a study that has ended, with its table; its jobs stay."""
    with client(context) as service:
        service.delete_study(study_id)
    out().print(f"{study_id} is deleted", markup=False, soft_wrap=True)


def _follow(service: Client, study_id: str) -> None:
    """A line for each change, then the table; exits with 1 unless the study succeeded, or waits for approval."""
    told = ""
    while True:
        study = service.study(study_id)
        line = study_line(study)
        if line.plain != told:
            err().print(line, soft_wrap=True)
            told = line.plain
        if study["status"] in FINAL or study["waits_for"] == "approval":
            break
        time.sleep(POLL_SECONDS)
    show_study(out(), study, service.study_results(study_id))
    if study["status"] in ("failed", "cancelled"):
        raise typer.Exit(1)


def _text(document: Any) -> str:
    return json_module.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8", newline="")


def _row(one: Study) -> list[str]:
    ended = sum(one["jobs"].get(status, 0) for status in FINAL)
    sizes = [str(one["arms"]), str(one["seeds"]), f"{ended}/{one['jobs']['planned']}"]
    return [one["id"], one["name"], one["status"], one["dataset"], *sizes, form.ago(one["created_at"])]
