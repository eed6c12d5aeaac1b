"""`distill study pilot`, and what is done with one: approve, reject, roll back."""

import sys
from typing import Annotated

import typer

from distillery.cli_submit import Spec, explained
from distillery.common import AsJson, client, err, out, print_json
from distillery.pilot_view import show_decision
from distillery.specfile import SpecFile, read_spec
from distillery.types import Study

StudyId = Annotated[str, typer.Argument(help="The study's id (std_...).", show_default=False)]
PLANS = ("quick", "standard", "thorough")


def register(app: typer.Typer) -> None:
    for command in (pilot, approve, reject, rollback, retry):
        app.command()(command)


def pilot(
    context: typer.Context,
    spec: Spec,
    idempotency_key: Annotated[str | None, typer.Option(help="Twice with the same key makes one pilot.")] = None,
    json: AsJson = False,
) -> None:
    """Begin a pilot of a job spec, or of a study spec of that kind, and print its id."""
    source = as_pilot(read_spec(spec, sys.stdin))
    with client(context) as service, explained(source):
        study = service.create_study(source.data, idempotency_key=idempotency_key)
    if json:
        print_json(study)
    else:
        out().print(study["id"])
        told = f"{study['jobs']['planned']} small jobs are planned; follow them with: distill study watch {study['id']}"
        err().print(told, markup=False)


def as_pilot(source: SpecFile) -> SpecFile:
    """A pilot's spec: a job spec becomes its base."""
    if "base" in source.data:
        return SpecFile(source.name, {**source.data, "kind": "pilot"}, source.lines)
    lines = {"": 1} | {f"/base{pointer}": line for pointer, line in source.lines.items()}
    data = {"name": source.data.get("name", "pilot"), "kind": "pilot", "base": source.data}
    return SpecFile(source.name, data, lines)


def approve(
    context: typer.Context,
    study_id: StudyId,
    plan: Annotated[str, typer.Option(help="quick, standard or thorough.", show_default=False)],
    despite_no_go: Annotated[bool, typer.Option("--despite-no-go", help="Though the pilot says no-go.")] = False,
    json: AsJson = False,
) -> None:
    """Have one of a pilot's plans run."""
    if plan not in PLANS:
        raise typer.BadParameter(f"{plan!r} is no plan: one of {', '.join(PLANS)}", param_hint="--plan")
    with client(context) as service:
        study = service.approve_study(study_id, plan, despite_no_go=despite_no_go)
    _told(study, json)


def reject(context: typer.Context, study_id: StudyId, json: AsJson = False) -> None:
    """End a study whose pilot was enough."""
    with client(context) as service:
        study = service.reject_study(study_id)
    _told(study, json)


def rollback(context: typer.Context, study_id: StudyId, json: AsJson = False) -> None:
    """Return a pilot to the state before its approval: jobs are cancelled, a moved alias goes back."""
    with client(context) as service:
        study = service.roll_back_study(study_id)
        if not json:
            show_decision(out(), service.study(study_id))
    _told(study, json)


def retry(context: typer.Context, study_id: StudyId, json: AsJson = False) -> None:
    """Begin failed and cancelled jobs of a study again, a shared teacher's too."""
    with client(context) as service:
        study = service.retry_study(study_id)
    _told(study, json)


def _told(study: Study, json: bool) -> None:
    if json:
        print_json(study)
        return
    stage = f", plan {study['stage']}" if study.get("stage") not in (None, "pilot") else ""
    out().print(f"{study['id']} is {study['status']}{stage}", markup=False, soft_wrap=True)
