"""What tables of datasets and of models share: their looks, a status, the head of one."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from distillery import format as form
from distillery.story import plain

STATUS = {"ready": ("✔", "green"), "failed": ("✘", "red"), "validating": ("…", "cyan")}
WHOLE = ("id", "inspection", "made by")
"""Columns of ids, which stay whole."""


def status_text(status: str) -> Text:
    """A status with its sign and colour."""
    sign, style = STATUS.get(status, ("?", ""))
    return Text(f"{sign} {status}", style=style)


def plain_table(*columns: str) -> Table:
    """A table without lines."""
    table = Table(box=None, pad_edge=False)
    for title in columns:
        table.add_column(title, no_wrap=title in WHOLE, overflow="fold")
    return table


def list_cells(one: Mapping[str, Any]) -> tuple[str, Text, str, str]:
    """A thing in a list: name, status, task and the number of the latest version, where there is one."""
    latest = form.DASH if one["latest"] is None else str(one["latest"])
    return plain(one["name"]), status_text(one["status"]), one["task"] or form.DASH, latest


def version_cells(one: Mapping[str, Any]) -> tuple[str, Text, str, str]:
    """A version in a list: number, status, size where it is known, and how long ago it was made."""
    size = form.DASH if one["bytes"] is None else form.size(one["bytes"])
    return str(one["number"]), status_text(one["status"]), size, form.ago(one["created_at"])


def show_head(console: Console, found: Mapping[str, Any]) -> None:
    """Name, id, status and description of a thing."""
    console.print(Text.assemble((plain(found["name"]), "bold"), f"  {found['id']}  ", status_text(found["status"])))
    if found["description"]:
        console.print(Text(plain(found["description"])), soft_wrap=True)


def show_verdict(console: Console, version: Mapping[str, Any]) -> None:
    """Whether a version can be used, or why not."""
    console.print(Text.assemble(f"version {version['number']} is ", status_text(version["status"])))
    if version["error"]:
        console.print(Text(plain(str(version["error"].get("message"))), style="red"), soft_wrap=True)
