"""`distill keys` and `distill audit`: who may do what in a project, and who did."""

from typing import Annotated, Any

import typer

from distillery import format as form
from distillery.common import AsJson, client, err, out, print_json, table

keys_app = typer.Typer(invoke_without_command=True, help="List the project's API keys, or make, replace and end them.")
KeyId = Annotated[str, typer.Argument(help="The key's id (key_...).", show_default=False)]
Scopes = Annotated[
    list[str], typer.Option("--scope", help="jobs:read, jobs:write, metrics, admin or operate; may be repeated.")
]


def register(app: typer.Typer) -> None:
    app.add_typer(keys_app, name="keys")
    app.command()(audit)


@keys_app.callback()
def keys(context: typer.Context, json: AsJson = False) -> None:
    """List the project's API keys."""
    if context.invoked_subcommand is not None:
        return
    with client(context) as service:
        found = service.api_keys()
    if json:
        print_json(found)
    else:
        table(("id", "name", "begins", "scopes", "created", "used", "state"), [_key_row(key) for key in found])


@keys_app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Scopes,
    days: Annotated[int | None, typer.Option(min=1, help="It ends after so many days.")] = None,
    json: AsJson = False,
) -> None:
    """Make a key and print it: nobody can read it again."""
    with client(context) as service:
        _tell(service.create_api_key(name, scope, expires_in_days=days), json)


@keys_app.command("rotate")
def rotate(
    context: typer.Context,
    key_id: KeyId,
    overlap_hours: Annotated[float, typer.Option(min=0, help="For so long the old one works yet.")] = 24,
    json: AsJson = False,
) -> None:
    """Replace a key by one that may do the same, and print it."""
    with client(context) as service:
        _tell(service.rotate_api_key(key_id, overlap_hours=overlap_hours), json)


@keys_app.command("revoke")
def revoke(context: typer.Context, key_id: KeyId) -> None:
    """End a key at once."""
    with client(context) as service:
        service.revoke_api_key(key_id)
    out().print(f"{key_id} is revoked", markup=False, soft_wrap=True)


def audit(
    context: typer.Context,
    action: Annotated[str | None, typer.Option(help="Only this, as job.cancel.")] = None,
    target: Annotated[str | None, typer.Option(help="Only what was done to this id.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 20,
    json: AsJson = False,
) -> None:
    """Show who changed what in the project."""
    with client(context) as service:
        found = list(service.audit_log(action=action, target=target, limit=limit))
    if json:
        print_json(found)
    else:
        table(("when", "who", "action", "target"), [_entry_row(entry) for entry in found])


def _tell(key: dict[str, Any], json: bool) -> None:
    if json:
        print_json(key)
        return
    err().print(f"{key['id']}: keep it now, it is not shown again", markup=False, soft_wrap=True)
    typer.echo(key["key"])


def _key_row(key: dict[str, Any]) -> list[str]:
    ends = key.get("expires_at")
    state = "revoked" if key.get("revoked_at") else f"ends {ends[:16]}" if ends else "open"
    used = form.ago(key.get("last_used_at")) or "never"
    return [key["id"], key["name"], key["hint"], " ".join(key["scopes"]), form.ago(key["created_at"]), used, state]


def _entry_row(entry: dict[str, Any]) -> list[str]:
    return [form.ago(entry["created_at"]), entry.get("key_name") or "", entry["action"], entry["target"]]
