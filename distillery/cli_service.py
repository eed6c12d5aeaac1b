"""`distill up`, `down`, `worker`, `demo`: the service itself on this machine."""

import os
from pathlib import Path
from typing import Annotated

import typer

from distillery.common import DistillState, out
from distillery.config import home_folder
from distillery.demo import demo as run_demo
from distillery.home import Home
from distillery.processes import python_module
from distillery.service import require_extras
from distillery.up import down as stop_service
from distillery.up import up as run_service
from distillery.up import up_detached

HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder of the service; else DISTILLERY_HOME.")]
OutputOption = Annotated[Path, typer.Option("--output", "-o", help="Folder for what the job delivers.")]
DETACH = "--foreground/--detach"


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(down)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(worker)
    app.command()(demo)


def up(
    context: typer.Context,
    home: HomeOption = None,
    host: Annotated[str, typer.Option(envvar="DISTILLERY_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="DISTILLERY_PORT", min=0, max=65535, help="0 picks a free one.")] = 8400,
    foreground: Annotated[bool, typer.Option(DETACH, help="Stay until Ctrl-C, or run in the background.")] = True,
) -> None:
    """Start the whole service on this machine: tables, API, worker; nothing else needs to be installed."""
    start = run_service if foreground else up_detached
    start(_home(context, home), host, port, out())


def down(context: typer.Context, home: HomeOption = None) -> None:
    """Stop the service that `distill up` started; a running job goes on with the next start."""
    stop_service(_home(context, home), out())


def worker(context: typer.Context) -> None:
    """Start one more worker for the service that DISTILLERY_DATABASE_URL, _BROKER_URL and _FILES_URL describe.

    Everything after the command's name goes to `python -m worker`.
    """
    require_extras("distill worker", "worker")
    state: DistillState = context.obj
    if state.home is not None:
        os.environ["DISTILLERY_HOME"] = str(home_folder(state.home))
    command = python_module("worker", *context.args)
    os.execv(command[0], command)  # noqa: S606 - it takes our place, so that signals reach it


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for what the job delivers.")] = Path(
        "demo-output"
    ),
) -> None:
    """Distil a student on this machine, end to end: start the service, submit, follow, download, check, compare."""
    run_demo(output, out())


def _home(context: typer.Context, home: Path | None) -> Home:
    state: DistillState = context.obj
    return Home(home_folder(home or state.home))
