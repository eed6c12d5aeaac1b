"""`distill webhooks`: where the project is told of its jobs, studies and monitors."""

from typing import Annotated, Any

import typer

from distillery import format as form
from distillery.common import AsJson, client, err, out, print_json, table

webhooks_app = typer.Typer(invoke_without_command=True, help="List webhook endpoints, or make, try and end them.")
EndpointId = Annotated[str, typer.Argument(help="The endpoint's id (whk_...).", show_default=False)]
Events = Annotated[
    list[str] | None, typer.Option("--event", help="Only this, as job.failed or study.waiting; may be repeated.")
]


def register(app: typer.Typer) -> None:
    app.add_typer(webhooks_app, name="webhooks")


@webhooks_app.callback()
def webhooks(context: typer.Context, json: AsJson = False) -> None:
    """List the project's endpoints."""
    if context.invoked_subcommand is not None:
        return
    with client(context) as service:
        found = service.webhooks()
    if json:
        print_json(found)
    else:
        table(("id", "name", "url", "events", "state"), [_row(one) for one in found])


@webhooks_app.command("create")
def create(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="https://...", show_default=False)],
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    event: Events = None,
    json: AsJson = False,
) -> None:
    """Make an endpoint and print its secret: nobody can read it again."""
    with client(context) as service:
        _tell(service.create_webhook(url, name=name, events=event), json)


@webhooks_app.command("rotate")
def rotate(context: typer.Context, endpoint_id: EndpointId, json: AsJson = False) -> None:
    """Make a new secret and print it; for a day messages are signed with the old one, too."""
    with client(context) as service:
        _tell(service.rotate_webhook(endpoint_id), json)


@webhooks_app.command("test")
def test(context: typer.Context, endpoint_id: EndpointId) -> None:
    """Send a message that tells nothing."""
    with client(context) as service:
        sent = service.test_webhook(endpoint_id)
    told = f"{sent['id']} is on its way; see `distill webhooks deliveries {endpoint_id}`"
    out().print(told, markup=False, soft_wrap=True)


@webhooks_app.command("enable")
def enable(context: typer.Context, endpoint_id: EndpointId) -> None:
    """Switch an endpoint on again; what was held back is sent."""
    _switch(context, endpoint_id, True)


@webhooks_app.command("disable")
def disable(context: typer.Context, endpoint_id: EndpointId) -> None:
    """Hold back an endpoint's messages."""
    _switch(context, endpoint_id, False)


@webhooks_app.command("delete")
def delete(context: typer.Context, endpoint_id: EndpointId) -> None:
    """Forget an endpoint and its messages."""
    with client(context) as service:
        service.delete_webhook(endpoint_id)
    out().print(f"{endpoint_id} is deleted", markup=False, soft_wrap=True)


@webhooks_app.command("deliveries")
def deliveries(
    context: typer.Context,
    endpoint_id: EndpointId,
    status: Annotated[str | None, typer.Option(help="pending, delivered or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 20,
    json: AsJson = False,
) -> None:
    """Show the messages to an endpoint and what became of them."""
    with client(context) as service:
        found = list(service.webhook_deliveries(endpoint_id, status=status, limit=limit))
    if json:
        print_json(found)
    else:
        table(("id", "type", "state", "tries", "last answer", "when"), [_delivery_row(one) for one in found])


@webhooks_app.command("redeliver")
def redeliver(
    context: typer.Context,
    endpoint_id: EndpointId,
    delivery_id: Annotated[str, typer.Argument(help="The message's id (msg_...).", show_default=False)],
) -> None:
    """Send a message again, under the id that it had."""
    with client(context) as service:
        service.redeliver(endpoint_id, delivery_id)
    out().print(f"{delivery_id} is on its way again", markup=False, soft_wrap=True)


def _switch(context: typer.Context, endpoint_id: str, enabled: bool) -> None:
    with client(context) as service:
        service.change_webhook(endpoint_id, enabled=enabled)
    out().print(f"{endpoint_id} is {'enabled' if enabled else 'disabled'}", markup=False, soft_wrap=True)


def _tell(endpoint: dict[str, Any], json: bool) -> None:
    if json:
        print_json(endpoint)
        return
    err().print(f"{endpoint['id']}: keep its secret now, it is not shown again", markup=False, soft_wrap=True)
    typer.echo(endpoint["secret"])


def _row(one: dict[str, Any]) -> list[str]:
    state = "on" if one["enabled"] else f"off: {one['disabled_reason']}"
    return [one["id"], one["name"], one["url"], " ".join(one["events"]), state]


def _delivery_row(one: dict[str, Any]) -> list[str]:
    last = one["tries"][-1] if one["tries"] else {}
    answer = str(last.get("status") or last.get("error") or "")
    return [one["id"], one["type"], one["status"], str(len(one["tries"])), answer, form.ago(one["created_at"])]
