"""`distill plan` and `distill submit`: a spec file becomes a plan to look at, or a job."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from distillery.cli_follow import follow_to_end
from distillery.common import AsJson, client, err, out, print_json
from distillery.errors import ApiError, Problem
from distillery.plan_view import show_plan
from distillery.specfile import SpecFile, SpecFileError, read_spec

Spec = Annotated[Path, typer.Argument(metavar="SPEC", help="A spec in YAML or JSON; `-` reads standard input.")]


def register(app: typer.Typer) -> None:
    app.command()(plan)
    app.command()(submit)


def plan(context: typer.Context, spec: Spec, json: AsJson = False) -> None:
    """Show what a spec would run: every default filled in, warnings, the estimated cost. Makes nothing."""
    source = read_spec(spec, sys.stdin)
    with client(context) as service, explained(source):
        document = service.plan(source.data)
    if json:
        print_json(document)
    else:
        show_plan(out(), document)
        _warn(source, document.get("warnings") or [])


def submit(
    context: typer.Context,
    spec: Spec,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow the job until it ends.")] = False,
    name: Annotated[str | None, typer.Option(help="Another name than the spec's.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="A label as KEY=VALUE; may be repeated.")] = None,
    priority: Annotated[int | None, typer.Option(min=-100, max=100, help="Higher is served first.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Submitting twice with the same key makes one job.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Submit a spec as a job and print its id."""
    source = read_spec(spec, sys.stdin)
    data = source.data | ({} if name is None else {"name": name}) | ({} if priority is None else {"priority": priority})
    if label:
        data["labels"] = {**(data.get("labels") or {}), **dict(map(_label, label))}
    with client(context) as service:
        with explained(source):
            job = service.submit(data, idempotency_key=idempotency_key)
        _warn(source, job.get("warnings") or [])
        if json:
            print_json(job)
        else:
            out().print(job["id"])
            err().print(f"{job['name']} is {job['status']}; follow it with: distill watch {job['id']}", markup=False)
        if watch:
            follow_to_end(service, job["id"], json)


@contextmanager
def explained(source: SpecFile) -> Iterator[None]:
    """Faults that the service finds in the spec are shown at their line of the file."""
    try:
        yield
    except ApiError as error:
        if not any(problem.pointer for problem in error.problems):
            raise
        raise SpecFileError("\n".join(source.explain(problem) for problem in error.problems)) from error


def _warn(source: SpecFile, warnings: list[dict[str, str]]) -> None:
    for item in warnings:
        problem = Problem(item.get("pointer", ""), item.get("code", ""), item.get("message", ""))
        err().print(Text.assemble(("warning ", "yellow"), source.explain(problem)), soft_wrap=True)


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise typer.BadParameter(f"{text!r} is no label: write KEY=VALUE", param_hint="--label")
    return key, value
