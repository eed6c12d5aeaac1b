"""What `distill datasets` and `distill models` do alike: options, sending, following an inspection."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from distillery.assign import assigned
from distillery.cli_follow import show_until_end
from distillery.client import Client
from distillery.common import err, out, print_json, progress_bars
from distillery.specfile import SpecFile, read_spec

Task = Annotated[str | None, typer.Option(help="Only of this task.")]
Status = Annotated[str | None, typer.Option(help="validating, ready or failed.")]
Search = Annotated[str | None, typer.Option("--search", help="The beginning of an id or a name.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many, newest first.")]
Paths = Annotated[list[Path] | None, typer.Argument(help="Files or folders to send.", exists=True)]
Options = Annotated[Path | None, typer.Option("--options", "-o", help="Options in YAML or JSON.")]
Name = Annotated[str | None, typer.Option(help="What it is called.")]
Watch = Annotated[bool, typer.Option("--watch/--no-watch", help="Follow the inspection until it ends.")]
Directory = Annotated[Path, typer.Argument(help="Where to; made when it is not there.", file_okay=False)]


def order_of(path: Path | None, texts: list[str] | None, given: Mapping[str, Any]) -> SpecFile:
    """The body that brings something: a file of options, what `--set` says, and options that have a flag."""
    body = read_spec(path, sys.stdin) if path else SpecFile("options", {})
    _patch(body.data, assigned(texts or []))
    body.data.update({name: value for name, value in given.items() if value is not None})
    return body


def _patch(data: dict[str, Any], patch: dict[str, Any]) -> None:
    for name, value in patch.items():
        if isinstance(value, dict) and isinstance(data.get(name), dict):
            _patch(data[name], value)
        elif value is None:
            data.pop(name, None)
        else:
            data[name] = value


def source_of(service: Client, place: str | None, paths: Sequence[Path] | None) -> dict[str, Any]:
    """Where it lies: a place of the operator's, or these files and folders, once they are sent."""
    if place:
        return {"import": place}
    with progress_bars() as report:
        return {"uploads": [service.upload(path, report=report)["id"] for path in paths or []]}


def follow_inspection(service: Client, thing_id: str, made: Mapping[str, Any], watch: bool, json: bool) -> None:
    """Say which job looks at a version, and wait for it if that is wanted."""
    which = f"{thing_id} version {made['number']}"
    err().print(f"{which} is being inspected by {made['job_id']}", markup=False, soft_wrap=True)
    if watch and not json:
        show_until_end(service, made["job_id"])
    elif watch:
        service.wait(made["job_id"])


def tell_version(thing_id: str, found: Mapping[str, Any], json: bool, show: Callable[[], None]) -> None:
    """What became of a version; exits with 1 when it cannot be used."""
    if json:
        print_json(found)
    else:
        out().print(thing_id)
        show()
    if found["status"] == "failed":
        raise typer.Exit(1)


def latest_of(thing: Mapping[str, Any]) -> int:
    """The latest ready version, or the newest one."""
    return int(thing["latest"] or thing["versions"])


def tell_fetched(paths: Sequence[Path], number: int, directory: Path) -> None:
    """Where the files of a version are now."""
    out().print(f"{len(paths)} files of version {number} are in {directory}", markup=False, soft_wrap=True)


def tell_deleted(thing_id: str, version: int | None) -> None:
    """What is gone."""
    which = thing_id if version is None else f"Version {version} of {thing_id}"
    out().print(f"{which} is deleted", markup=False, soft_wrap=True)
