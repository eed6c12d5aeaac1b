"""A plan as tables: what will be trained, on what, with which losses, and what it will cost."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from distillery import format as form
from distillery.story import RUNS

Document = Mapping[str, Any]


def show_plan(console: Console, document: Document) -> None:
    """Print a plan; `document` is the answer of `/v1/jobs:plan`."""
    plan: Document = document.get("plan") or document
    console.print(Text.assemble((plan.get("name", ""), "bold"), f"  method {plan.get('method', '')}"))
    console.print(_dataset_line(plan["dataset"]), markup=False)
    console.print(_networks(plan["networks"]))
    if plan.get("auto"):
        console.print(_auto(plan["auto"]))
    console.print(_terms(plan["runs"]))
    for line in _kept(plan.get("kept") or []):
        console.print(line, markup=False, soft_wrap=True)
    console.print(_cost(document.get("estimate") or plan["estimate"]), markup=False, soft_wrap=True)
    console.print(f"delivers {', '.join(plan['deliver'])}; runs on a {plan['resource_class']} worker", markup=False)


def _dataset_line(dataset: Document) -> str:
    counts = dataset["counts"]
    split = ", ".join(f"{counts[name]:,} {name}" for name in ("train", "validation", "test"))
    what = f"{len(dataset['target']['classes'])} classes" if dataset["task"] == "classification" else dataset["task"]
    return f"dataset {dataset['name']}: {what}, {split}"


def _networks(networks: Document) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("network", "architecture", "parameters", "MACs"):
        table.add_column(title, justify="right" if title in ("parameters", "MACs") else "left")
    for name, network in networks.items():
        width = "" if network.get("width") in (None, 1) else f" × {network['width']:g}"
        macs = form.count(network["macs"]) + ("" if network.get("exact", True) else " (about)")
        table.add_row(name, network["architecture"] + width, form.count(network["parameters"]), macs)
    return table


def _auto(proposal: Document) -> Table:
    """Students that could have been, and why one of them was taken."""
    table = Table(box=None, pad_edge=False, title=f"students, of {proposal['considered']}", title_justify="left")
    for title in ("student", "parameters", "size", "latency (estimated)", "why"):
        table.add_column(title, justify="left" if title in ("student", "why") else "right", overflow="fold")
    for one in proposal["candidates"]:
        name = one["architecture"] + ("" if one["width"] is None else f" × {one['width']:g}")
        sizes = (form.count(one["parameters"]), form.size(one["bytes"]), f"{one['latency_ms']:.3g} ms")
        table.add_row(("✔ " if one["chosen"] else "  ") + name, *sizes, one["reason"])
    return table


def _terms(runs: list[Document]) -> Table:
    table = Table(box=None, pad_edge=False, title="runs, stages and their losses", title_justify="left")
    for title in ("run", "stage", "epochs", "loss", "of", "against", "at", "adapter", "weight"):
        table.add_column(title, justify="right" if title == "epochs" else "left", overflow="fold")
    for run in runs:
        name = RUNS.get(run["name"], run["name"])
        for stage in run["stages"]:
            where = (name, _stage(stage) if len(run["stages"]) > 1 else "", str(stage["epochs"]))
            for term in stage["terms"]:
                table.add_row(*where, *_term(term))
                where, name = ("", "", ""), ""
    return table


def _stage(stage: Document) -> str:
    """A stage's name, and what its network computes in, where that is not float."""
    quantise = stage.get("quantise")
    return str(stage["name"]) if quantise is None else f"{stage['name']} (student as {quantise})"


def _term(term: Document) -> tuple[str, ...]:
    pairs = ", ".join(_pair(pair) for pair in term["pairs"]) or "logits"
    return (_kind(term["distance"]), term["to"], term["source"], pairs, _kind(term["adapter"]), _number(term["weight"]))


def _pair(pair: Document) -> str:
    return pair["to"] if pair["to"] == pair["source"] else f"{pair['to']} ~ {pair['source']}"


def _kind(kind: Document | None) -> str:
    if not kind:
        return form.DASH
    options = kind.get("options") or {}
    text = ", ".join(f"{name} {_number(value)}" for name, value in options.items())
    return str(kind["kind"]) + (f" ({text})" if text else "")


def _number(value: Any) -> str:
    """A number, or a schedule such as `4 → 1`."""
    if isinstance(value, Mapping):
        ends = [value[name] for name in ("from", "start", "to", "end") if name in value]
        return " → ".join(f"{end:g}" for end in ends) or str(dict(value))
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _kept(groups: list[list[Document]]) -> Iterator[str]:
    """What is decided about keeping what frozen networks say, a line for each."""
    for one in (one for group in groups for one in group):
        if one["mode"] in {"memory", "file"}:
            yield f"outputs of {one['network']} are kept: {one['reason']}. {one['effect']}"
        else:
            when = "asked in every step" if one["mode"] == "off" else "perhaps kept"
            yield f"{one['network']} is {when}: {one['reason']}"


def _cost(estimate: Document) -> str:
    parts = [f"{estimate['steps']:,} steps"] if estimate.get("steps") else []
    if estimate.get("train_seconds") is not None:
        parts.append(f"about {form.duration(estimate['train_seconds'])} of training")
    assumes = f" ({estimate['assumes']})" if estimate.get("assumes") else ""
    return "cost " + ", ".join(parts) + assumes
