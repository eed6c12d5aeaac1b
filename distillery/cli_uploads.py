"""`distill upload` and `distill uploads`: files on their way to the service."""

from pathlib import Path
from typing import Annotated, Any

import typer

from distillery import format as form
from distillery.common import AsJson, client, out, print_json, progress_bars, table

uploads_app = typer.Typer(invoke_without_command=True, help="List the files that were sent, or delete some.")
UploadId = Annotated[str, typer.Argument(help="The upload's id (up_...).", show_default=False)]


def register(app: typer.Typer) -> None:
    app.command()(upload)
    app.add_typer(uploads_app, name="uploads")


def upload(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="The file or folder.", show_default=False, exists=True)],
    name: Annotated[str | None, typer.Option(help="What it is called; else as the file is.")] = None,
    json: AsJson = False,
) -> None:
    """Send a file, or a folder as a tar, in parts.

    A command that was interrupted is repeated: what has arrived is not sent again.
    """
    with client(context) as service, progress_bars() as report:
        found = service.upload(path, name=name, report=report)
    if json:
        print_json(found)
    else:
        out().print(f"{found['id']} holds {found['name']} ({form.size(found['bytes'])})", markup=False, soft_wrap=True)


@uploads_app.callback()
def uploads(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="open or complete.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 20,
    json: AsJson = False,
) -> None:
    """List the files that were sent."""
    if context.invoked_subcommand is not None:
        return
    with client(context) as service:
        found = list(service.uploads(status=status, limit=limit))
    if json:
        print_json(found)
    else:
        table(("id", "name", "size", "state", "begun"), [_row(one) for one in found])


@uploads_app.command("delete")
def delete(context: typer.Context, upload_id: UploadId) -> None:
    """Forget a file and its bytes."""
    with client(context) as service:
        service.delete_upload(upload_id)
    out().print(f"{upload_id} is deleted", markup=False, soft_wrap=True)


def _row(one: Any) -> list[str]:
    return [one["id"], one["name"], form.size(one["bytes"]), one["status"], form.ago(one["created_at"])]
