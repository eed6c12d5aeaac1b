"""`distill projects` and `distill usage`: who may use how much, and has."""

from typing import Annotated, Any

import typer

from distillery import format as form
from distillery.common import AsJson, client, out, print_json, table

projects_app = typer.Typer(invoke_without_command=True, help="List projects, or make and change them.")
ProjectId = Annotated[str, typer.Argument(help="The project's id (prj_...).", show_default=False)]
Name = Annotated[str | None, typer.Option(help="What it is called.")]
QUOTAS = ("concurrency", "jobs_in_flight", "month_hours")
NONE = "none"
Concurrency = Annotated[str | None, typer.Option(help="Jobs that run at once; 'none' bounds nothing.")]
InFlight = Annotated[str | None, typer.Option(help="Jobs that have not ended; 'none': the service's own bound.")]
MonthHours = Annotated[str | None, typer.Option(help="Hours of engines in a month; 'none' bounds nothing.")]


def register(app: typer.Typer) -> None:
    app.add_typer(projects_app, name="projects")
    app.command()(usage)


@projects_app.callback()
def projects(context: typer.Context, json: AsJson = False) -> None:
    """List the projects that the key may see."""
    if context.invoked_subcommand is not None:
        return
    with client(context) as service:
        found = service.projects()
    if json:
        print_json(found)
    else:
        table(("id", "name", "running", "at once", "in flight", "hours a month"), [_row(one) for one in found])


@projects_app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    concurrency: Concurrency = None,
    jobs_in_flight: InFlight = None,
    month_hours: MonthHours = None,
    json: AsJson = False,
) -> None:
    """Make a project and its first key, which may do everything in it; both are printed."""
    quotas = _quotas(concurrency, jobs_in_flight, month_hours)
    with client(context) as service:
        made = service.create_project(name, **quotas)
        key = service.create_project_key(made["id"], "first", ["admin"])
    if json:
        print_json({**made, "key": key["key"]})
        return
    out().print(f"{made['id']} is made; its key, which is not shown again:", markup=False, soft_wrap=True)
    typer.echo(key["key"])


@projects_app.command("change")
def change(
    context: typer.Context,
    project_id: ProjectId,
    name: Name = None,
    concurrency: Concurrency = None,
    jobs_in_flight: InFlight = None,
    month_hours: MonthHours = None,
    json: AsJson = False,
) -> None:
    """Give a project another name or other quotas."""
    changes = _quotas(concurrency, jobs_in_flight, month_hours) | ({} if name is None else {"name": name})
    if not changes:
        raise typer.BadParameter("name what to change: --name, --concurrency, --jobs-in-flight or --month-hours")
    with client(context) as service:
        found = service.change_project(project_id, **changes)
    if json:
        print_json(found)
    else:
        out().print(f"{found['id']} is changed", markup=False, soft_wrap=True)


def usage(
    context: typer.Context,
    project_id: Annotated[str | None, typer.Argument(help="The project; the key's own when left out.")] = None,
    since: Annotated[str | None, typer.Option(help="The first day, as 2026-11-01; else 30 days ago.")] = None,
    until: Annotated[str | None, typer.Option(help="The last day; else today.")] = None,
    json: AsJson = False,
) -> None:
    """Show what a project has used, by day and class of workers."""
    with client(context) as service:
        found = service.usage(project_id or service.session()["project_id"], since=since, until=until)
    if json:
        print_json(found)
        return
    rows = [[day["day"], day["resource_class"], f"{day['hours']:.2f}", str(day["attempts"])] for day in found["days"]]
    table(("day", "class", "hours", "attempts"), rows)
    told = f"{found['hours']:.2f} h in all, {found['month_hours']:.2f} h in this month"
    stored = form.size(found["stored_bytes"])
    out().print(f"{told}; {found['jobs_in_flight']} jobs in flight, {stored} stored", markup=False, soft_wrap=True)


def _quotas(*given: str | None) -> dict[str, float | None]:
    return {name: _number(name, text) for name, text in zip(QUOTAS, given, strict=True) if text is not None}


def _number(name: str, text: str) -> float | None:
    if text == NONE:
        return None
    try:
        return float(text) if name == "month_hours" else int(text)
    except ValueError:
        option = f"--{name.replace('_', '-')}"
        raise typer.BadParameter(f"{option} takes a number or '{NONE}' (got {text!r})") from None


def _row(one: dict[str, Any]) -> list[str]:
    bounds = ["" if one[name] is None else f"{one[name]:g}" for name in QUOTAS]
    return [one["id"], one["name"], str(one["running"]), *bounds]
