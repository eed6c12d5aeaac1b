"""Datasets and what inspections found in them, as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from distillery import format as form
from distillery.brought_view import list_cells, plain_table, show_head, show_verdict, version_cells
from distillery.catalogue_view import show_datasets
from distillery.story import plain

Item = Mapping[str, Any]
CLASSES_SHOWN, FAULTS_SHOWN, TWINS_SHOWN, BAR = 40, 20, 10, 30
_SPLITS = ["train", "validation", "test"]


def show_list(console: Console, datasets: Sequence[Item], builtin: Sequence[Item] | None = None) -> None:
    """The project's datasets, and those that are built in where they were asked for."""
    if datasets:
        table = plain_table("id", "name", "state", "task", "latest", "licence", "made")
        for one in datasets:
            licence = plain(one["licence"] or form.DASH)
            table.add_row(one["id"], *list_cells(one), licence, form.ago(one["created_at"]))
        console.print(table)
    else:
        console.print("No dataset was brought yet: distill datasets create FOLDER --format image-folder --name NAME")
    if builtin is not None:
        console.print(Text("\nbuilt in", style="bold"))
        show_datasets(console, builtin)


def show_dataset(console: Console, found: Item, versions: Sequence[Item]) -> None:
    """One dataset with its versions."""
    show_head(console, found)
    show_versions(console, versions)


def show_versions(console: Console, versions: Sequence[Item]) -> None:
    """Versions, the newest first."""
    table = plain_table("version", "state", "size", "from", "inspection", "made")
    for one in versions:
        number, status, size, made = version_cells(one)
        table.add_row(number, status, size, _from(one["source"]), one["job_id"], made)
    console.print(table)


def show_found(console: Console, version: Item, report: Item | None) -> None:
    """How an inspection ended: counts, classes, twins, faults and warnings."""
    show_verdict(console, version)
    if report is None:
        return
    if splits := report.get("splits"):
        _splits(console, splits, (report.get("target") or {}).get("classes") or [])
    _twins(console, report.get("duplicates") or {})
    _faults(console, report.get("faults") or {}, left_out=bool(report.get("quarantined")))
    for warning in report.get("warnings") or []:
        console.print(Text.assemble(("warning ", "yellow"), plain(str(warning.get("message")))), soft_wrap=True)


def _splits(console: Console, splits: Mapping[str, Item], classes: Sequence[str]) -> None:
    splits = {name: splits[name] for name in sorted(splits, key=_SPLITS.index)}
    counts = ", ".join(f"{name} {split['count']:,}" for name, split in splits.items())
    console.print(f"examples: {counts}", markup=False)
    histograms = {name: split.get("class_counts") or [] for name, split in splits.items()}
    if not any(histograms.values()):
        return
    most = max((count for found in histograms.values() for count in found), default=1) or 1
    table = plain_table("class", *histograms, "")
    for index, name in enumerate(classes[:CLASSES_SHOWN]):
        row = [found[index] if index < len(found) else 0 for found in histograms.values()]
        table.add_row(plain(str(name)), *(f"{count:,}" for count in row), "█" * round(BAR * max(row) / most))
    console.print(table)
    if (left := len(classes) - CLASSES_SHOWN) > 0:
        console.print(f"... and {left} classes more", style="dim")


def _twins(console: Console, found: Item) -> None:
    for leak in found.get("across") or []:
        console.print(Text(f"leak: {leak['count']:,} examples are in {' and in '.join(leak['splits'])}", style="red"))
        for pair in (leak.get("pairs") or [])[:TWINS_SHOWN]:
            console.print(Text(f"  {plain(' = '.join(map(str, pair)))}"), soft_wrap=True)
    if within := sum((found.get("within") or {}).values()):
        console.print(f"{within:,} examples equal another one of their split", markup=False)


def _faults(console: Console, faults: Item, *, left_out: bool) -> None:
    if not faults.get("total"):
        return
    what = "left out" if left_out else "damaged"
    console.print(Text(f"{faults['total']:,} items {what}", style="yellow" if left_out else "red"))
    for fault in (faults.get("listed") or [])[:FAULTS_SHOWN]:
        console.print(Text(f"  {plain(str(fault.get('item')))}: {plain(str(fault.get('message')))}"), soft_wrap=True)
    if (left := faults["total"] - FAULTS_SHOWN) > 0:
        console.print(f"  ... and {left:,} more: distill datasets report ID --json", style="dim", markup=False)


def show_samples(console: Console, samples: Sequence[Item]) -> None:
    """A few examples: what they are called, their split and their answer."""
    table = plain_table("split", "name", "answer", "picture")
    for one in samples:
        table.add_row(one["split"], plain(str(one["name"])), plain(str(one["target"])), one.get("url") or form.DASH)
    console.print(table)


def _from(source: Item) -> str:
    if "import" in source:
        return plain(str(source["import"]))
    return plain(", ".join(str(one["name"]) for one in source.get("uploads") or []))
