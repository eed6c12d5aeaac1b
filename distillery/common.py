"""What every command needs: the client, the two consoles, JSON output, and errors as messages and exit codes."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from distillery.client import Client
from distillery.download import Report
from distillery.errors import ApiError, ConfigError, DistilleryError, ServiceError, Unreachable
from distillery.specfile import SpecFileError
from distillery.transport import Retry

JobId = Annotated[str, typer.Argument(help="The job's id (job_...).", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table for people.")]

RETRY = Retry(attempts=4)  # somebody is waiting
PIPE_COLUMNS = 160  # a file has no width to fold a table into

EXIT_BY_STATUS = {401: 4, 403: 4, 404: 3, 429: 5}
EXIT_BY_ERROR: list[tuple[type[DistilleryError], int]] = [
    (Unreachable, 5),
    (ServiceError, 5),
    (SpecFileError, 2),
    (ConfigError, 2),
]


@dataclass(frozen=True)
class DistillState:
    """The options given before the command's name."""

    url: str | None
    home: Path | None


def client(context: typer.Context) -> Client:
    """The client that the shared options describe."""
    state: DistillState = context.obj
    return Client(state.url, home=state.home, retry=RETRY)


def out() -> Console:
    """Standard output; made anew for each command, because tests and pipes change what stdout is."""
    return _console(stderr=False)


def err() -> Console:
    """Standard error."""
    return _console(stderr=True)


def _console(stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_COLUMNS
    return console


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table on stdout; ids stay whole, so that they can be copied."""
    shown = Table(box=None, pad_edge=False)
    for title in head:
        shown.add_column(title, no_wrap=title in ("id", "target"), overflow="fold")
    for row in rows:
        shown.add_row(*row)
    out().print(shown)


@contextmanager
def progress_bars() -> Iterator[Report]:
    """A bar for each file that moves; drawn on a terminal only."""
    columns, console = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()), err()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def report(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done)

        yield report


def print_json(document: Any) -> None:
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def print_error(error: DistilleryError) -> None:
    """The error on stderr; the first line in red where there is colour."""
    first, _, rest = str(error).partition("\n")
    console = err()
    console.print(Text(first, style="bold red"), soft_wrap=True)
    if rest:
        console.print(Text(rest), soft_wrap=True)


def exit_code(error: DistilleryError) -> int:
    """The documented exit code of an error."""
    if isinstance(error, ApiError):
        return EXIT_BY_STATUS.get(error.status, 5 if error.status >= 500 else 2)
    return next((code for kind, code in EXIT_BY_ERROR if isinstance(error, kind)), 1)
