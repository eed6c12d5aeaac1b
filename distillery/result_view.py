"""What a job proved, as one table and one sentence; or why it failed."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from distillery import format as form
from distillery.story import plain
from distillery.types import Job

MODELS = {"teacher": "teacher", "alone": "student alone", "student": "distilled student"}
VERDICT_STYLE = {"better": "bold green", "worse": "bold red", "no difference": "bold yellow"}
LOG_LINES = 20


def show_result(console: Console, job: Job) -> None:
    """The end of a succeeded job."""
    result = job.get("result")
    if result:
        console.print(models_table(result))
        console.print(verdict_line(result))
    console.print(f"Download it with: distill download {job['id']}", markup=False, soft_wrap=True)


def models_table(result: Mapping[str, Any]) -> Table:
    """Teacher, student alone and distilled student side by side."""
    title = f"{result.get('name', '')}: measured on the test split"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    table.add_column("model")
    metric = result.get("metric", {})
    for column in (metric.get("title", "score"), "95 % interval", "parameters", "size", "CPU latency"):
        table.add_column(column, justify="right")
    for key, name in MODELS.items():
        if model := result.get("models", {}).get(key):
            table.add_row(
                name,
                form.figure(model.get("score"), metric.get("unit", "")),
                form.interval(model.get("interval"), metric.get("unit", "")),
                form.count(model.get("parameters")),
                form.size(model.get("bytes")),
                form.milliseconds((model.get("latency_ms") or {}).get("p50")),
            )
    table.caption = "CPU latency: median for one example on one thread"
    table.caption_justify = "left"
    return table


def verdict_line(result: Mapping[str, Any]) -> Text:
    """The verdict in the words of the measurement."""
    verdict = result.get("verdict") or {}
    outcome = str(verdict.get("outcome", ""))
    return Text.assemble((outcome, VERDICT_STYLE.get(outcome, "bold")), f": {verdict.get('text', '')}")


def show_error(console: Console, job: Job) -> None:
    """Why a job ended without a result: code, message, the field it concerns, its last log lines."""
    error = job.get("error") or {}
    why = error.get("message") or job.get("termination_reason") or "no reason was recorded"
    code = f" [{error['code']}]" if error.get("code") else ""
    field = f" (field {error['param']})" if error.get("param") else ""
    line = f"{job.get('name', '')} ({job['id']}) {job['status']}{code}: {why}{field}"
    console.print(Text(line, style="bold red"), soft_wrap=True)
    for text in log_tail(error.get("log_tail")):
        console.print(Text(f"  {text}", style="dim"), soft_wrap=True)


def log_tail(tail: list[str] | str | None) -> list[str]:
    lines = tail.splitlines() if isinstance(tail, str) else list(tail or [])
    return [plain(line) for line in lines[-LOG_LINES:]]
