"""A job followed in the terminal: a live picture where there is one, plain lines where there is not."""

import threading
from collections.abc import Iterable

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from distillery import format as form
from distillery.client import Client
from distillery.story import RUNS, Story, log_lines
from distillery.types import FINAL, Event, Job

STATUS_STYLE = {
    "queued": "dim",
    "starting": "cyan",
    "running": "bold cyan",
    "pausing": "yellow",
    "paused": "yellow",
    "cancelling": "yellow",
    "succeeded": "bold green",
    "failed": "bold red",
    "cancelled": "yellow",
}
STATUS_SIGN = {"succeeded": "✔", "failed": "✘", "cancelled": "■", "paused": "‖", "pausing": "‖", "queued": "…"}
PHASE_SIGN = {"done": ("●", "green"), "now": ("◉", "bold cyan"), "ahead": ("○", "dim")}


def watch(client: Client, job_id: str, console: Console) -> Job:
    """Show a job until it ends; its last state. KeyboardInterrupt passes through: the job goes on."""
    story = Story.of(client.job(job_id))
    events = client.stream(job_id)
    if console.is_terminal:
        _live(story, events, console)
    else:
        _plain(story, events, console)
    return client.job(job_id)


def status_text(status: str) -> Text:
    """A status as a sign and a word; colour only repeats it."""
    return Text(f"{STATUS_SIGN.get(status, '▶')} {status}", style=STATUS_STYLE.get(status, ""))


def _live(story: Story, events: Iterable[Event], console: Console) -> None:
    lock = threading.Lock()  # the picture is drawn by Live's own thread

    def draw() -> RenderableType:
        with lock:
            return picture(story, max(3, console.height - 18))

    with Live(get_renderable=draw, console=console, refresh_per_second=4, transient=False):
        for event in events:
            with lock:
                story.apply(event)


def picture(story: Story, log_height: int = 6) -> RenderableType:
    """The whole state of a job on one screen."""
    head = Text.assemble((story.name or story.job_id, "bold"), "  ", (story.job_id, "dim"), "  ")
    head.append_text(status_text(story.status))
    if story.attempt > 1:
        head.append(f"  attempt {story.attempt}", style="yellow")
    parts: list[RenderableType] = [head, Text(story.subject, style="dim"), _timeline(story), _progress(story)]
    if story.values:
        parts += [Text(), Columns([_losses(story), _scores(story)], padding=(0, 4))]
    if story.log:
        last = list(story.log)[-min(log_height, 6) :]
        parts += [Text(), *(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in last)]
    return Group(*parts)


def _timeline(story: Story) -> Text:
    line = Text()
    for phase, state, seconds in story.timeline():
        sign, style = PHASE_SIGN[state]
        took = "" if seconds is None else f" {form.duration(seconds)}"
        line.append(f"{sign} {phase}{took}   ", style=style)
    return line


def _progress(story: Story) -> RenderableType:
    now = story.progress
    if not now or story.status in FINAL:
        return Text()
    share = now.get("percent") or 0.0
    grid = Table.grid(padding=(0, 2))
    grid.add_row(
        Text(where(story), style="cyan"),
        ProgressBar(total=100, completed=share, width=30, complete_style="cyan"),
        Text(f"{share:.0f} %"),
        Text(_steps(story), style="dim"),
        Text("" if now.get("eta_seconds") is None else f"{form.duration(now.get('eta_seconds'))} left"),
    )
    return grid


def where(story: Story) -> str:
    """Which run, stage and epoch a job is at."""
    now = story.progress
    run = now.get("run")
    parts = [RUNS.get(run, run) if run else now.get("phase"), now.get("stage")]
    text = " · ".join(str(part) for part in parts if part)
    return f"{text}  epoch {now.get('epoch')}/{now.get('epochs')}" if now.get("epochs") else text


def _steps(story: Story) -> str:
    now = story.progress
    return f"step {now['step']:,}/{now['total_steps']:,}" if now.get("total_steps") else ""


def _losses(story: Story) -> Table:
    table = Table(box=None, title="training loss", title_justify="left", title_style="dim", show_header=False)
    shown = None
    for run, term, value in story.losses():
        title = RUNS.get(run, run) if run != shown else ""
        table.add_row(title, term if term != "loss" else "[bold]loss[/]", form.value(value))
        shown = run
    return table


def _scores(story: Story) -> Table:
    table = Table(
        box=None,
        title=f"validation {story.metric['title']}",
        title_justify="left",
        title_style="dim",
        show_header=False,
    )
    for who, score in story.scores():
        table.add_row(who, form.figure(score, story.metric["unit"]))
    return table


def _plain(story: Story, events: Iterable[Event], console: Console) -> None:
    """One line for each thing that is new: a status, a phase, an epoch, a log line."""
    begin, epoch = None, None
    for event in events:
        story.apply(event)
        begin = begin or story.now
        clock = (story.now - begin).total_seconds() if story.now and begin else 0.0
        for line in _news(story, event):
            console.print(f"{clock:7.1f} s  {line}", markup=False, highlight=False, soft_wrap=True)
        now = (story.progress.get("run"), story.progress.get("stage"), story.progress.get("epoch"))
        if event["type"] == "progress" and now != epoch and story.progress.get("epochs"):
            epoch = now
            console.print(f"{clock:7.1f} s  {_epoch_line(story)}", markup=False, highlight=False, soft_wrap=True)


def _news(story: Story, event: Event) -> list[str]:
    match event["type"]:
        case "status":
            return [f"status {story.status}" + (f" ({story.reason})" if story.reason else "")]
        case "phase":
            run = event["data"].get("run")
            return [f"phase {story.phase}" + (f" ({RUNS.get(run, run)})" if run else "")]
        case "log":
            return [f"log {line}" for line in log_lines(event["data"])]
        case "artifact":
            return [f"artifact {event['data'].get('name')} ({form.size(event['data'].get('bytes'))})"]
        case _:
            return []


def _epoch_line(story: Story) -> str:
    now = story.progress
    run = story.values.get(now.get("run") or "", {})
    parts = [f"{where(story)}  {now.get('percent', 0):.0f} %"]
    if (loss := run.get("train", {}).get("loss")) is not None:
        parts.append(f"loss {form.value(loss)}")
    if (score := run.get("validation", {}).get(story.metric["name"])) is not None:
        parts.append(f"validation {story.metric['title']} {form.figure(score, story.metric['unit'])}")
    if now.get("eta_seconds") is not None:
        parts.append(f"{form.duration(now.get('eta_seconds'))} left")
    return "  ".join(parts)
