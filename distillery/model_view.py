"""Models, what was found in them, and where they come from, as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from distillery import format as form
from distillery.brought_view import list_cells, plain_table, show_head, show_verdict, version_cells
from distillery.story import plain

Item = Mapping[str, Any]
KEYS_SHOWN = 20


def show_models(console: Console, models: Sequence[Item]) -> None:
    """The project's models."""
    if not models:
        console.print("No model yet: distill models create FILE --architecture NAME --name NAME, or --from-job JOB")
        return
    table = plain_table("id", "name", "state", "task", "latest", "aliases", "made")
    for one in models:
        aliases = ", ".join(f"{name}={number}" for name, number in one["aliases"].items()) or form.DASH
        table.add_row(one["id"], *list_cells(one), aliases, form.ago(one["created_at"]))
    console.print(table)


def show_model(console: Console, found: Item, versions: Sequence[Item]) -> None:
    """One model with its versions."""
    show_head(console, found)
    table = plain_table("version", "state", "aliases", "size", "made by", "made")
    for one in versions:
        named = ", ".join(name for name, number in found["aliases"].items() if number == one["number"]) or form.DASH
        number, status, size, made = version_cells(one)
        table.add_row(number, status, named, size, one["job_id"], made)
    console.print(table)


def show_version(console: Console, version: Item) -> None:
    """How an inspection ended, or what a job left: what it is, and which keys were found."""
    show_verdict(console, version)
    card, report = version["card"] or {}, version["report"] or {}
    if card:
        console.print(plain(_what(card)), markup=False, soft_wrap=True)
    for step in report.get("steps") or []:
        console.print(f"  {plain(str(step))}", style="dim", markup=False, soft_wrap=True)
    for kind in ("missing", "unexpected", "wrong_shape"):
        _keys(console, kind, report.get(kind) or [])
    for name, figures in (report.get("gate") or {}).items():
        console.print(f"gate of {name}: {plain(str(figures.get('message')))}", markup=False, soft_wrap=True)


def _what(card: Item) -> str:
    facts = [str(card["architecture"] or card["kind"])]
    facts += [f"{card['num_outputs']} outputs"] if card["num_outputs"] else []
    facts += [f"{form.count(card['parameters'])} parameters"] if card["parameters"] else []
    return ", ".join(facts)


def _keys(console: Console, kind: str, rows: Sequence[Item]) -> None:
    for row in rows[:KEYS_SHOWN]:
        near = f" (nearest: {row['nearest']})" if row.get("nearest") else ""
        console.print(Text.assemble((f"{kind.replace('_', ' ')} ", "yellow"), plain(f"{row['name']}{near}")))
    if (left := len(rows) - KEYS_SHOWN) > 0:
        console.print(f"... and {left} more", style="dim")


def show_lineage(console: Console, graph: Item) -> None:
    """What was used for what, an edge a line."""
    names = {str(node["id"]): _node(node) for node in graph["nodes"]}
    console.print(Text.assemble("lineage of ", (names.get(str(graph["root"]), ""), "bold")))
    for edge in graph["edges"]:
        line = f"  {names[edge['from']]} → {names[edge['to']]}"
        console.print(Text.assemble(line, (f"  {plain(str(edge['role']))}", "dim")), soft_wrap=True)
    if graph["truncated"]:
        console.print("... and more", style="dim")


def _node(node: Item) -> str:
    gone = " (deleted)" if node.get("deleted") else ""
    return plain(f"{node['kind']} {node.get('name') or ''} {node['id']}{gone}".replace("  ", " "))


def show_local(console: Console, files: Sequence[Item]) -> None:
    """Files that the operator offers."""
    table = plain_table("import", "size", "architectures")
    for one in files:
        table.add_row(
            plain(one["import"]), form.size(one["bytes"]), plain(", ".join(one["architectures"])) or form.DASH
        )
    console.print(table)
