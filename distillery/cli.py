"""The `distill` command: the options that all commands share, and how errors become messages and exit codes."""

import errno
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from distillery import (
    cli_admin,
    cli_catalogue,
    cli_changes,
    cli_datasets,
    cli_follow,
    cli_jobs,
    cli_keys,
    cli_models,
    cli_monitors,
    cli_projects,
    cli_service,
    cli_studies,
    cli_submit,
    cli_uploads,
    cli_webhooks,
)
from distillery.client import __version__
from distillery.common import DistillState, exit_code, print_error
from distillery.errors import DistilleryError

COMMANDS = (
    cli_service,
    cli_submit,
    cli_jobs,
    cli_changes,
    cli_follow,
    cli_studies,
    cli_catalogue,
    cli_datasets,
    cli_models,
    cli_monitors,
    cli_uploads,
    cli_webhooks,
    cli_keys,
    cli_projects,
    cli_admin,
)
"""In the order of the help."""

EXIT_CODES = """
Exit codes: 0 ok · 1 the job failed or was cancelled · 2 wrong usage, bad spec or a refused request · 3 not found ·
4 no valid key · 5 the service cannot be reached or is in trouble · 130 interrupted.
"""


class Commands(TyperGroup):
    """The command group that turns our errors into one message on stderr and a documented exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except DistilleryError as error:
            print_error(error)
            raise typer.Exit(exit_code(error)) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(130) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            print_error(DistilleryError(f"{error.filename or 'This machine'}: {error.strerror}"))
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    epilog=EXIT_CODES,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"distillery {__version__}")
        raise typer.Exit


@app.callback()
def distill(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Option(help="The service's address; else DISTILLERY_URL, else what `distill up` stored.")
    ] = None,
    home: Annotated[
        Path | None, typer.Option(help="Folder of the local service; else DISTILLERY_HOME, else ~/.distillery.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """Distil a large model into a small one, with the proof of what it gained and lost.

    The key comes from DISTILLERY_API_KEY or from what `distill up` stored, never from the command line, where
    every user of the machine could read it.
    """
    context.obj = DistillState(url, home)


for module in COMMANDS:
    module.register(app)
