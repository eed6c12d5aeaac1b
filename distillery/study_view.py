"""A study as tables: what it would run, how far it is, and what came out."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from distillery import format as form
from distillery.pilot_view import show_decision, show_ranking
from distillery.types import Study
from distillery.watch import status_text

Document = Mapping[str, Any]


def show_study_plan(console: Console, plan: Document) -> None:
    """Print the answer of `/v1/studies:plan`."""
    console.print(Text(plan["name"], style="bold"))
    table = _table("arm", "method", "student", "parameters", "one job", "waits for", "changes")
    for arm in plan["arms"]:
        sizes = (form.count(arm["parameters"]), form.duration(arm["seconds"]))
        table.add_row(
            arm["name"], arm["method"], arm["student"], *sizes, arm["teacher"] or "", _changes(arm["changes"])
        )
    console.print(table)
    if plan.get("search"):
        told = f"the first {len(plan['arms'])} of {plan['search']['count']} trials; the others follow from their scores"
        console.print(told, markup=False)
    for one in plan["teachers"]:
        console.print(f"{one['name']} is trained once: {form.duration(one['seconds'])}", markup=False)
    seeds = ", ".join(str(seed) for seed in plan["seeds"])
    console.print(f"seeds {seeds}; reference {plan['reference']}", markup=False)
    cost = f"{plan['jobs']:,} jobs, about {form.duration(plan['seconds'])} of training ({plan['assumes']})"
    console.print(cost, markup=False, soft_wrap=True)
    for one in plan["problems"]:
        console.print(Text.assemble(("in its way ", "red"), one["message"]), soft_wrap=True)


def _changes(changes: Document) -> str:
    return ", ".join(f"{at} = {value}" for at, value in changes.items())


def study_line(study: Study) -> Text:
    """How far a study is, in one line."""
    jobs = dict(study["jobs"])
    planned = jobs.pop("planned", 0)
    ended = sum(jobs.get(status, 0) for status in ("succeeded", "failed", "cancelled"))
    parts = [f"{ended} of {planned} jobs have ended"]
    parts += [f"{count} {status}" for status, count in sorted(jobs.items()) if status != "succeeded"]
    if study.get("waits_for"):
        parts.append(f"waits: {study['waits_for']}")
    return Text.assemble(status_text(study["status"]), "  ", ", ".join(parts))


def show_study(console: Console, study: Study, results: Document) -> None:
    """Print a study with its table."""
    console.print(Text.assemble((study["name"], "bold"), "  ", (study["id"], "dim")))
    if study["question"]:
        console.print(study["question"], markup=False)
    console.print(study_line(study))
    if study["status"] == "failed":
        console.print(Text(study["reason"] or "", style="red"))
    show_results(console, results)
    show_decision(console, study)


def show_results(console: Console, results: Document) -> None:
    """Print the table of a study; `*` marks arms that no other beats in everything."""
    console.print(_arms(results))
    if results["ranking"]:
        show_ranking(console, results["ranking"])
    for line in _remarks(results):
        console.print(line, markup=False, soft_wrap=True)


def _arms(results: Document) -> Table:
    metric = results["metric"]
    unit = metric["unit"]
    table = _table(
        "arm", "seeds", metric["title"], "sd", "95 % interval", "to " + results["reference"], "p (Holm)",
        "parameters", "size", "latency", "seconds", "state",
    )  # fmt: skip
    for arm in results["arms"]:
        found = arm["summary"] or {}
        gap = arm["difference"] or {}
        table.add_row(
            ("* " if arm["pareto"] else "  ") + arm["name"],
            str(found.get("n", 0)),
            form.figure(found["mean"], unit) if found else form.DASH,
            form.DASH if found.get("sd") is None else form.figure(found["sd"], unit),
            form.interval(found.get("interval"), unit),
            _difference(gap, unit),
            form.DASH if gap.get("p_corrected") is None else f"{gap['p_corrected']:.3g}",
            form.count(arm["parameters"]),
            form.size(arm["bytes"]),
            form.milliseconds(arm["latency_ms"]),
            form.duration(arm["seconds"]),
            arm["status"],
        )
    return table


def _difference(gap: Document, unit: str) -> str:
    value = gap.get("difference")
    if value is None:
        return form.DASH
    return f"{100 * value:+.2f} points" if unit == "%" else f"{value:+.3g}"


def _remarks(results: Document) -> Iterator[str]:
    for arm in results["arms"]:
        if arm["stopped"]:
            yield f"{arm['name']} was stopped: {arm['stopped']['reason']}"
        for reason in arm["apart"]:
            yield f"{arm['name']} is not compared: {reason}"
        for run in arm["runs"]:
            if run["status"] in ("failed", "cancelled"):
                told = f": {run['reason']}" if run["reason"] else ""
                yield f"{arm['name']}, seed {run['seed']} {run['status']}{told}"
    yield from results["notes"]
    if not results["complete"]:
        yield "the table is not complete"


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False)
    left = ("arm", "method", "student", "waits for", "changes", "state")
    for title in titles:
        table.add_column(title, justify="left" if title in left else "right", overflow="fold")
    return table
