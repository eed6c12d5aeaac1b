"""What a pilot decided, and how teachers rank, as people read it."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from distillery import format as form
from distillery.types import Study

Document = Mapping[str, Any]


def show_decision(console: Console, study: Study) -> None:
    """Print go or no-go with its reason, the plans, and what to do next; nothing before there is a decision."""
    decision = study.get("decision")
    if not decision:
        return
    good = decision["outcome"] == "go"
    console.print(Text.assemble((decision["outcome"], "bold green" if good else "bold red"), "  ", decision["reason"]))
    console.print(_plans(decision))
    console.print(decision["assumes"], markup=False, soft_wrap=True)
    for line in _next(study, good=good):
        console.print(line, markup=False, soft_wrap=True)


def _plans(decision: Document) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("plan", "epochs", "seeds", "jobs", "about", "expected gain", "95 % interval"):
        table.add_column(title, justify="left" if title == "plan" else "right", overflow="fold")
    unit = decision["metric"]["unit"]
    for name, plan in decision["plans"].items():
        sizes = (str(plan["epochs"]), str(len(plan["seeds"])), str(plan["jobs"]), form.duration(plan["seconds"]))
        bounds = form.DASH if plan["interval"] is None else " to ".join(_gain(end, unit) for end in plan["interval"])
        table.add_row(name, *sizes, _gain(plan["gain"], unit), bounds)
        if plan["problem"]:
            table.add_row("", "", "", "", "", "", plan["problem"])
    return table


def _gain(value: float | None, unit: str) -> str:
    if value is None:
        return form.DASH
    return f"{100 * value:+.2f} points" if unit == "%" else f"{value:+.3g}"


def _next(study: Study, *, good: bool) -> Iterator[str]:
    approval = study.get("approval")
    if study.get("waits_for") == "approval":
        more = "" if good else " --despite-no-go"
        yield f"approve it with: distill study approve {study['id']} --plan standard{more}"
    elif approval:
        who = f" by {approval['by']}" if approval["by"] else ""
        yield f"plan {approval['plan']} was approved{who}; back with: distill study rollback {study['id']}"
        if approval["result"]:
            yield f"it came to: {approval['result']['reason']}"
        if approval["kept"]:
            kept = approval["kept"]
            yield f"{kept['alias']} of {kept['model_id']} names version {kept['version']}"


def show_ranking(console: Console, ranking: Document) -> None:
    """Print teachers in their order, with what the gap between teacher and student says, and the answer."""
    table = Table(box=None, pad_edge=False)
    titles = ("teacher", "place", "student", "95 % interval", "behind", "parameters", "gap", "agreement", "KL", "gate")
    for title in titles:
        table.add_column(title, justify="left" if title in ("teacher", "gate") else "right", overflow="fold")
    unit = ranking["metric"]["unit"]
    for one in ranking["teachers"]:
        student, probe, gate = one["student"] or {}, one["probe"] or {}, one["gate"] or {}
        behind = (one["behind"] or {}).get("difference")
        table.add_row(
            one["name"],
            str(one["place"] or form.DASH),
            form.figure(student.get("mean"), unit) if student else form.DASH,
            form.interval(student.get("interval"), unit),
            form.DASH if behind is None else _gain(behind, unit) + (" (tie)" if one["tie"] else ""),
            form.count(one["parameters"]),
            _gain(probe.get("gap"), unit) + (" (wide)" if probe.get("wide") else ""),
            form.percent(probe.get("agreement")),
            form.DASH if probe.get("divergence") is None else f"{probe['divergence']:.3g}",
            {True: "passed", False: "refused", None: form.DASH}[gate.get("passed")],
        )
    console.print(table)
    console.print(ranking["answer"], markup=False, soft_wrap=True)
