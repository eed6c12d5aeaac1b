"""`distill admin`: for who operates a service, on a machine that reaches its database."""

import os
from pathlib import Path
from typing import Annotated

import typer

from distillery.common import DistillState
from distillery.config import home_folder
from distillery.processes import python_module
from distillery.service import require_extras

admin_app = typer.Typer(
    no_args_is_help=True,
    help="Save, restore and upgrade the service that DISTILLERY_DATABASE_URL and _FILES_URL (or --home) describe.",
)
Archive = Annotated[Path, typer.Argument(help="The backup, a zip file.", show_default=False)]
NoFiles = Annotated[bool, typer.Option("--no-files", help="Rows only; the store of files has copies of its own.")]


def register(app: typer.Typer) -> None:
    app.add_typer(admin_app, name="admin")


@admin_app.command("backup")
def backup(context: typer.Context, path: Archive, no_files: NoFiles = False) -> None:
    """Write every row and every file to one zip. The service may run meanwhile."""
    _become(context, "store", "backup", str(path), *(["--no-files"] if no_files else []))


@admin_app.command("restore")
def restore(context: typer.Context, path: Archive) -> None:
    """Fill an empty service from a backup, on whatever database and store of files; stop it first."""
    _become(context, "store", "restore", str(path))


@admin_app.command("migrate")
def migrate(context: typer.Context) -> None:
    """Bring the database to this version's schema."""
    _become(context, "migrations")


@admin_app.command("rotate-secret")
def rotate_secret(context: typer.Context) -> None:
    """Make a new server secret; keys and webhooks of the old one go on working. Restart the API afterwards."""
    _become(context, "store", "rotate-secret")


def _become(context: typer.Context, module: str, *arguments: str) -> None:
    require_extras("distill admin", "api")
    state: DistillState = context.obj
    if state.home is not None:
        os.environ["DISTILLERY_HOME"] = str(home_folder(state.home))
    command = python_module(module, *arguments)
    os.execv(command[0], command)  # noqa: S606 - it takes our place: its exit code is ours
