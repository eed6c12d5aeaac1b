"""What a job has told so far: one event after the other folded into the state that a watcher sees."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from distillery.types import FINAL, INSPECTION_PHASES, PHASES, Event, Job, Progress

RUNS = {"teacher": "teacher", "alone": "student alone", "distil": "distilled student"}
LOG_LINES = 200
ACCURACY: Mapping[str, Any] = {"name": "accuracy", "title": "accuracy", "unit": "%"}
"""The figure of a job whose plan is not known."""


@dataclass
class Story:
    """A job as of its latest event."""

    name: str
    job_id: str
    subject: str = ""
    metric: Mapping[str, Any] = field(default_factory=lambda: ACCURACY)
    status: str = "queued"
    reason: str | None = None
    attempt: int = 0
    phase: str | None = None
    phases: dict[str, datetime] = field(default_factory=dict)  # when each was entered
    now: datetime | None = None
    progress: Progress = field(default_factory=Progress)
    values: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)  # run, split, name
    log: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    ended: bool = False
    course: tuple[str, ...] = PHASES

    @classmethod
    def of(cls, job: Job) -> "Story":
        """The beginning: who it is about. Everything else comes with the events."""
        networks = " → ".join(str(job[role]) for role in ("teacher", "student") if job.get(role))
        subject = " · ".join(str(part) for part in (job.get("method"), job.get("dataset"), networks) if part)
        metric = (job.get("plan") or {}).get("metric") or ACCURACY
        course = INSPECTION_PHASES if job.get("kind") == "inspection" else PHASES
        return cls(job.get("name") or "", job["id"], subject, metric, status=job["status"], course=course)

    def apply(self, event: Event) -> None:
        """Take one event in; types that are not known yet change nothing but the time."""
        data = event.get("data") or {}
        if event.get("created_at"):
            self.now = datetime.fromisoformat(event["created_at"].replace("Z", "+00:00"))
        match event["type"]:
            case "status":
                self._status(data)
            case "phase":
                self._enter(str(data.get("phase")))
            case "progress":
                self.progress = {**self.progress, **data}  # type: ignore[typeddict-item]
            case "metric":
                for point in points(data):
                    self.values.setdefault(point["run"] or "", {}).setdefault(point["split"], {}).update(
                        point["values"]
                    )
            case "log":
                self.log.extend(log_lines(data))
            case "end":
                self.ended = True
                self.status = str(data.get("status", self.status))

    def _status(self, data: Mapping[str, Any]) -> None:
        self.status = str(data.get("status", self.status))
        self.reason = data.get("reason")
        self.attempt = data.get("attempt") or self.attempt
        if self.status == "queued":  # another attempt starts its phases over
            self.phase, self.phases, self.progress = None, {}, {}

    def _enter(self, phase: str) -> None:
        self.phase = phase
        if self.now and phase not in self.phases:
            self.phases[phase] = self.now

    def timeline(self) -> list[tuple[str, str, float | None]]:
        """Each phase with `done`, `now` or `ahead`, and the seconds it has taken."""
        entered = [phase for phase in self.course if phase in self.phases]
        ends = {phase: self.phases[after] for phase, after in pairwise(entered)}
        rows: list[tuple[str, str, float | None]] = []
        for phase in self.course:
            if phase not in self.phases:
                rows.append((phase, "ahead", None))
                continue
            over = phase != self.phase or self.status in FINAL
            until = ends.get(phase, self.now) or self.phases[phase]
            rows.append((phase, "done" if over else "now", (until - self.phases[phase]).total_seconds()))
        return rows

    def losses(self) -> list[tuple[str, str, float]]:
        """The latest training losses as (run, term, value), the whole loss of a run before its terms."""
        found = []
        for run in self._runs():
            values = self.values[run].get("train", {})
            names = ["loss", *sorted(name for name in values if name.startswith("term."))]
            found += [(run, name.removeprefix("term."), values[name]) for name in names if name in values]
        return found

    def scores(self) -> list[tuple[str, float]]:
        """The latest deciding figure on the validation split of each run that has one."""
        name = self.metric["name"]
        pairs = [(run, self.values[run].get("validation", {}).get(name)) for run in self._runs()]
        return [(RUNS.get(run, run), score) for run, score in pairs if score is not None]

    def _runs(self) -> list[str]:
        return sorted(self.values, key=lambda run: (list(RUNS).index(run) if run in RUNS else len(RUNS), run))


def points(data: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """The measurements in a metric event."""
    return [point for point in data.get("points") or [] if point.get("split") and point.get("values")]


def log_lines(data: Mapping[str, Any]) -> list[str]:
    """The lines of a log event without anything that a terminal would obey."""
    texts = [text for line in data.get("lines") or [] for text in str(line.get("message", "")).splitlines()]
    if data.get("left_out"):
        texts.insert(0, f"({data['left_out']} lines left out)")
    return [plain(text) for text in texts]


def plain(text: str) -> str:
    """A line that only prints: no escape sequences, no control characters."""
    return "".join(c if c.isprintable() else " " for c in text.expandtabs(4)).rstrip()
