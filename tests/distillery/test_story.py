"""Events fold into what a watcher sees, and the picture shows it."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from rich.console import Console

from distillery.story import Story, log_lines
from distillery.types import Event
from distillery.watch import _plain, picture

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def event(seq: int, kind: str, **data: Any) -> Event:
    at = (BEGIN + timedelta(seconds=seq)).isoformat().replace("+00:00", "Z")
    return {"object": "event", "id": f"evt_{seq}", "seq": seq, "type": kind, "created_at": at, "data": data}


def point(run: str, split: str, **values: float) -> dict[str, Any]:
    named = {name.replace("__", "."): value for name, value in values.items()}
    return {"run": run, "stage": "distil", "split": split, "step": 10, "epoch": 1.0, "values": named}


EVENTS = [
    event(1, "status", status="queued", reason=None, attempt=0),
    event(2, "status", status="starting", reason=None, attempt=1),
    event(3, "phase", phase="prepare", run=None),
    event(5, "phase", phase="teacher", run="teacher"),
    event(6, "progress", phase="teacher", run="teacher", stage="train", epoch=1, epochs=12, step=20, total_steps=900,
          percent=2.2, eta_seconds=65.0),
    event(7, "metric", points=[point("teacher", "train", loss=1.5), point("teacher", "validation", accuracy=0.97)]),
    event(9, "phase", phase="train", run="distil"),
    event(10, "metric", points=[point("distil", "train", loss=0.5, term__kl=0.2, term__ce=0.3, lr=0.05)]),
    event(11, "metric", points=[point("alone", "validation", accuracy=0.9, loss=0.4)]),
    event(12, "log", lines=[{"level": "info", "message": "first\nsecond \x1b[31mred"}], left_out=3),
    event(13, "progress", phase="train", run="distil", stage="hint", epoch=2, epochs=20, step=400, total_steps=900,
          percent=44.4, eta_seconds=30.0),
]  # fmt: skip


def told(count: int = len(EVENTS)) -> Story:
    story = Story.of({"id": "job_1", "name": "digits", "status": "queued", "method": "fitnet", "teacher": "resnet20"})
    for item in EVENTS[:count]:
        story.apply(item)
    return story


def test_phases_know_what_is_done_what_is_now_and_how_long_each_took() -> None:
    assert told().timeline() == [
        ("prepare", "done", 2.0),
        ("teacher", "done", 4.0),
        ("train", "now", 4.0),
        ("evaluate", "ahead", None),
        ("export", "ahead", None),
        ("report", "ahead", None),
    ]


def test_losses_come_by_run_with_the_whole_before_its_terms() -> None:
    assert told().losses() == [
        ("teacher", "loss", 1.5),
        ("distil", "loss", 0.5),
        ("distil", "ce", 0.3),
        ("distil", "kl", 0.2),
    ]


def test_scores_are_those_of_validation_under_the_names_people_use() -> None:
    assert told().scores() == [("teacher", 0.97), ("student alone", 0.9)]


def test_log_lines_cannot_command_the_terminal() -> None:
    assert list(told().log) == ["(3 lines left out)", "first", "second  [31mred"]
    assert log_lines({"lines": []}) == []


def test_another_attempt_begins_its_phases_anew() -> None:
    story = told()
    story.apply(event(20, "status", status="queued", reason="worker_lost", attempt=1))
    assert {state for _, state, _ in story.timeline()} == {"ahead"}
    assert story.progress == {}
    story.apply(event(21, "status", status="starting", reason=None, attempt=2))
    assert story.attempt == 2


def test_an_unknown_kind_of_event_changes_nothing() -> None:
    story = told()
    before = (story.timeline(), story.losses(), story.status)
    story.apply(event(13, "novelty", status="failed"))
    assert (story.timeline(), story.losses(), story.status) == before


def test_the_end_is_noted() -> None:
    story = told()
    story.apply(event(30, "end", status="succeeded", reason="completed"))
    assert story.ended
    assert story.status == "succeeded"


def drawn(story: Story, width: int = 120) -> str:
    console = Console(file=StringIO(), width=width, force_terminal=False)
    console.print(picture(story))
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


def test_the_picture_says_phase_epoch_step_time_left_losses_accuracies_and_log() -> None:
    text = drawn(told())
    for words in (
        "digits", "starting", "fitnet", "● prepare 2 s", "◉ train 4 s", "○ export",
        "distilled student · hint  epoch 2/20", "step 400/900", "44 %", "30 s left",
        "kl", "0.2", "97.0 %", "student alone", "90.0 %", "second  [31mred",
    ):  # fmt: skip
        assert words in text


def test_the_picture_of_every_moment_can_be_drawn_on_a_narrow_terminal() -> None:
    for count in range(len(EVENTS) + 1):
        assert "job_1" in drawn(told(count), width=40)


def test_without_a_terminal_each_news_is_one_line() -> None:
    console = Console(file=StringIO(), width=40, force_terminal=False)
    _plain(told(0), EVENTS, console)
    file = console.file
    assert isinstance(file, StringIO)
    lines = file.getvalue().splitlines()
    assert lines[0] == "    0.0 s  status queued"
    assert "    5.0 s  teacher · train  epoch 1/12  2 %  1 min 05 s left" in lines
    assert "   12.0 s  distilled student · hint  epoch 2/20  44 %  loss 0.5  30 s left" in lines
    assert sum("phase" in line for line in lines) == 3
