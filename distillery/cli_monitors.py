"""`distill monitors`: finished jobs whose students are measured anew as data come."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from distillery import format as form
from distillery.common import AsJson, client, err, out, print_json, table

monitors_app = typer.Typer(
    invoke_without_command=True, help="List monitors of finished jobs, or make, run and end them."
)
MonitorId = Annotated[str, typer.Argument(help="The monitor's id (mon_...).", show_default=False)]


def register(app: typer.Typer) -> None:
    app.add_typer(monitors_app, name="monitors")


@monitors_app.callback()
def monitors(
    context: typer.Context,
    job: Annotated[str | None, typer.Option(help="Only monitors of this job.")] = None,
    json: AsJson = False,
) -> None:
    """List the project's monitors."""
    if context.invoked_subcommand is not None:
        return
    with client(context) as service:
        found = list(service.monitors(job=job))
    if json:
        print_json(found)
    else:
        table(("id", "name", "job", "dataset", "when", "last", "state"), [_row(one) for one in found])


@monitors_app.command("create")
def create(
    context: typer.Context,
    job: Annotated[str, typer.Argument(help="A distillation that has succeeded (job_...).", show_default=False)],
    dataset: Annotated[str, typer.Argument(help="Whose newest version is measured (ds_...).", show_default=False)],
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    every_hours: Annotated[float | None, typer.Option(min=1, help="Measure every so many hours.")] = None,
    on_new_version: Annotated[bool, typer.Option(help="Measure whenever a new version is ready.")] = True,
    distance: Annotated[Literal["mmd", "w2"], typer.Option(help="Between training and given features.")] = "mmd",
    threshold: Annotated[float, typer.Option(help="From when on it is a drift, in multiples of chance.")] = 2.0,
    propose: Annotated[bool, typer.Option("--propose", help="Offer a new distillation after a drift.")] = False,
    json: AsJson = False,
) -> None:
    """Monitor a finished job and print the monitor's id."""
    told: dict[str, Any] = {"name": name, "every_hours": every_hours, "on_new_version": on_new_version}
    drift, then = {"distance": distance, "threshold": threshold}, "propose" if propose else "measure"
    with client(context) as service:
        found = service.create_monitor(job, dataset, drift=drift, then=then, **told)
    if json:
        print_json(found)
    else:
        out().print(found["id"])
        err().print(f"see what it measures with: distill monitors show {found['id']}", markup=False)


@monitors_app.command("show")
def show(
    context: typer.Context,
    monitor_id: MonitorId,
    limit: Annotated[int, typer.Option(min=1, help="At most so many re-evaluations, newest first.")] = 20,
    json: AsJson = False,
) -> None:
    """Show a monitor with what it has measured."""
    with client(context) as service:
        monitor, rows = service.monitor(monitor_id), list(service.reevaluations(monitor_id, limit=limit))
    if json:
        print_json({**monitor, "data": rows})
        return
    rule = f"{monitor['drift']['distance']} over {monitor['drift']['threshold']:g} times chance"
    out().print(Text(f"{monitor['name']}: {monitor['job_id']} on {monitor['dataset_id']}, a drift is {rule}"))
    if monitor["reason"] or monitor["waits_for"]:
        out().print(Text(f"{monitor['status']}: {monitor['reason'] or monitor['waits_for']}"), soft_wrap=True)
    table(
        ("number", "version", "outcome", "drift", "own test", "score", "before", "worst classes", "when"),
        [_measured(one) for one in rows],
    )


@monitors_app.command("run")
def run(context: typer.Context, monitor_id: MonitorId, json: AsJson = False) -> None:
    """Measure now, on the newest ready version."""
    with client(context) as service:
        found = service.run_monitor(monitor_id)
    if json:
        print_json(found)
    else:
        out().print(f"re-evaluation {found['number']} is job {found['job_id']}", markup=False, soft_wrap=True)


@monitors_app.command("proposal")
def proposal(
    context: typer.Context,
    monitor_id: MonitorId,
    number: Annotated[int | None, typer.Option(min=1, help="Of the re-evaluation; the last when left out.")] = None,
    submit: Annotated[bool, typer.Option("--submit", help="Submit it; twice makes one job.")] = False,
) -> None:
    """Print the spec of the new distillation that is proposed after a drift, or submit it."""
    with client(context) as service:
        last = service.monitor(monitor_id)["last"] or {}
        which = number or last.get("number")
        found = None if which is None else service.reevaluation(monitor_id, which)
        offered = (found or {}).get("proposal")
        if found is None or offered is None or offered["spec"] is None:
            err().print("nothing is proposed: the data have not drifted, or the monitor only measures")
            raise typer.Exit(1)
        for problem in offered["problems"]:
            err().print(Text.assemble(("in its way ", "red"), problem["detail"]), soft_wrap=True)
        if submit:
            job = service.submit(offered["spec"], idempotency_key=f"proposal-{found['id']}")
            out().print(job["id"])
        else:
            print_json(offered["spec"])


@monitors_app.command("stop")
def stop(context: typer.Context, monitor_id: MonitorId) -> None:
    """Measure no more, until it is started again."""
    _switch(context, monitor_id, False)


@monitors_app.command("start")
def start(context: typer.Context, monitor_id: MonitorId) -> None:
    """Look after a stopped monitor again."""
    _switch(context, monitor_id, True)


@monitors_app.command("delete")
def delete(context: typer.Context, monitor_id: MonitorId) -> None:
    """Forget a monitor and what it has measured; its jobs stay."""
    with client(context) as service:
        service.delete_monitor(monitor_id)
    out().print(f"{monitor_id} is deleted", markup=False, soft_wrap=True)


def _switch(context: typer.Context, monitor_id: str, enabled: bool) -> None:
    with client(context) as service:
        found = service.change_monitor(monitor_id, enabled=enabled)
    out().print(f"{monitor_id} is {found['status']}", markup=False, soft_wrap=True)


def _row(one: Mapping[str, Any]) -> list[str]:
    when = [f"every {one['every_hours']:g} h"] if one["every_hours"] else []
    when += ["new versions"] if one["on_new_version"] else []
    last = one["last"] or {}
    state = one["status"] if one["reason"] is None else f"{one['status']}: {one['reason']}"
    return [one["id"], one["name"], one["job_id"], one["dataset_id"], ", ".join(when), last.get("status", ""), state]


def _measured(one: Mapping[str, Any]) -> list[str]:
    figures = one["figures"] or {}
    distance = figures.get("distance")
    unit = (figures.get("metric") or {}).get("unit", "%")
    ratios = [_times((figures.get(side) or {}).get(distance)) for side in ("ratio", "own")]
    scores = [form.figure((figures.get(side) or {}).get("score"), unit) for side in ("now", "before")]
    worst = ", ".join((figures.get("change") or {}).get("worst") or [])
    told = (one["error"] or {}).get("message") or figures.get("reason") or worst
    which = [str(one["number"]), str(one["dataset_version"]), one["status"]]
    return [*which, *ratios, *scores, told, form.ago(one["created_at"])]


def _times(ratio: float | None) -> str:
    return form.DASH if ratio is None else f"{ratio:.2g}×"
