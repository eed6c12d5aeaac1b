"""The table of a study: every run, what each arm comes to over its seeds, and how it stands against the reference."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from kdcore.spec.studies.plan import ArmPlan, StudyPlan
from kdcore.spec.studies.statistics import FEWEST, Paired, holm, paired, pareto, summary
from kdcore.spec.studies.trials import means, searched

Json = dict[str, Any]
SIZES = ("bytes", "latency_ms")
"""What the Pareto front sets against the score, as far as every arm has it; less is better."""
ENDS = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Row:
    """One job of a study.

    Attributes:
        status: of the job.
        score: the figure that decides, on the test split.
        figures: parameters, bytes, latency_ms and others of the student.
        error: why it failed.
    """

    arm: str
    seed: int
    job: str | None
    status: str
    score: float | None = None
    validation: float | None = None
    seconds: float | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None


def results(plan: StudyPlan, rows: Iterable[Row], stopped: Mapping[str, Mapping[str, Any]], *, ended: bool) -> Json:
    """The table as a JSON-ready document.

    Args:
        rows: of arms, none of shared teachers.
        stopped: arms that get no more jobs, with ``code`` and ``reason``.
        ended: whether no more jobs will come.
    """
    by_arm: dict[str, list[Row]] = {arm.name: [] for arm in plan.arms}
    for row in rows:
        by_arm[row.arm].append(row)
    scores = {name: _scores(found) for name, found in by_arm.items()}
    compared = _compared(plan, scores)
    corrected = holm({name: one.p_value for name, one in compared.items()})
    front, axes = _front(plan, by_arm, scores)
    arms = [
        _arm(plan, arm, by_arm[arm.name], stopped.get(arm.name), ended)
        | {"difference": _difference(compared.get(arm.name), corrected.get(arm.name)), "pareto": arm.name in front}
        for arm in plan.arms
    ]
    done = sum(len(found) for found in scores.values())
    judged = [row for found in by_arm.values() for row in found if row.status == "succeeded"]
    return {
        "metric": plan.metric.model_dump(mode="json"),
        "reference": plan.reference,
        "seeds": list(plan.seeds),
        "complete": ended and done == plan.size * len(plan.seeds),
        "runs": _counts(plan, by_arm),
        "pareto": {"axes": list(axes), "arms": [arm.name for arm in plan.arms if arm.name in front]},
        "search": (search := searched(plan, means((row.arm, row.validation) for row in judged))),
        "arms": arms,
        "notes": [*_notes(plan, scores), *_of_search(plan, search)],
    }


def _scores(rows: Iterable[Row]) -> dict[int, float]:
    return {row.seed: row.score for row in rows if row.status == "succeeded" and row.score is not None}


def _compared(plan: StudyPlan, scores: Mapping[str, Mapping[int, float]]) -> dict[str, Paired]:
    """Every arm that can be compared, against the reference."""
    others = (arm for arm in plan.arms if arm.name != plan.reference and not arm.apart)
    return {arm.name: paired(scores[arm.name], scores[plan.reference]) for arm in others}


def _difference(found: Paired | None, corrected: float | None) -> Json | None:
    if found is None or found.difference is None:
        return None
    return {**asdict(found), "p_corrected": corrected}


def _arm(plan: StudyPlan, arm: ArmPlan, rows: list[Row], stopped: Mapping[str, Any] | None, ended: bool) -> Json:
    scores = list(_scores(rows).values())
    return {
        "name": arm.name,
        "method": arm.method,
        "student": arm.student,
        "changes": arm.changes,
        "status": _status(plan, rows, stopped, ended),
        "stopped": None if stopped is None else dict(stopped),
        "comparable": not arm.apart,
        "apart": list(arm.apart),
        "summary": asdict(summary(scores)) if scores else None,
        "parameters": _mean(rows, "parameters", arm.parameters),
        **{name: _mean(rows, name) for name in SIZES},
        "seconds": _seconds(rows),
        "runs": [_run(row) for row in sorted(rows, key=lambda row: plan.seeds.index(row.seed))],
    }


def _status(plan: StudyPlan, rows: list[Row], stopped: Mapping[str, Any] | None, ended: bool) -> str:
    if any(row.status not in ENDS for row in rows):
        return "running"
    if stopped is not None:
        return "stopped"
    if len(rows) < len(plan.seeds):
        return "incomplete" if ended else "waiting"
    return "done" if all(row.status == "succeeded" for row in rows) else "incomplete"


def _run(row: Row) -> Json:
    shown = {name: row.figures.get(name) for name in ("parameters", "bytes", "latency_ms", "gate")}
    reason = None if row.error is None else f"{row.error.get('code')}: {row.error.get('message')}"
    told = {"seed": row.seed, "job_id": row.job, "status": row.status, "score": row.score, "seconds": row.seconds}
    return {**told, "validation": row.validation, **shown, "reason": reason}


def _mean(rows: Iterable[Row], name: str, otherwise: float | None = None) -> float | None:
    values = [row.figures[name] for row in rows if row.status == "succeeded" and row.figures.get(name) is not None]
    return fmean(values) if values else otherwise


def _seconds(rows: Iterable[Row]) -> float | None:
    values = [row.seconds for row in rows if row.status == "succeeded" and row.seconds is not None]
    return fmean(values) if values else None


def _counts(plan: StudyPlan, by_arm: Mapping[str, list[Row]]) -> Json:
    found: Json = {"planned": plan.size * len(plan.seeds)}
    for row in (row for rows in by_arm.values() for row in rows):
        found[row.status] = found.get(row.status, 0) + 1
    return found


def _front(
    plan: StudyPlan, by_arm: Mapping[str, list[Row]], scores: Mapping[str, Mapping[int, float]]
) -> tuple[set[str], tuple[str, ...]]:
    """The arms that no other beats in everything: mean score, and the sizes that all of them have."""
    arms = [arm for arm in plan.arms if scores[arm.name]]
    sizes = {size: _of_students(arms, by_arm, size) for size in SIZES}
    axes = [size for size, values in sizes.items() if len(values) == len(arms)]
    points = {arm.name: (fmean(scores[arm.name].values()), *(sizes[axis][arm.name] for axis in axes)) for arm in arms}
    better = [plan.metric.higher_is_better, *(False for _ in axes)]
    return pareto(points, better), ("score", *axes)


def _of_students(arms: Iterable[ArmPlan], by_arm: Mapping[str, list[Row]], size: str) -> dict[str, float]:
    """A size of each arm's student. Arms of one network share their mean: no arm is on the front by a noisy clock."""
    alike: dict[tuple[str, int], list[float]] = {}
    found = {arm.name: _mean(by_arm[arm.name], size) for arm in arms}
    known = [(arm, value) for arm in arms if (value := found[arm.name]) is not None]
    for arm, value in known:
        alike.setdefault((arm.student, arm.parameters), []).append(value)
    return {arm.name: fmean(alike[arm.student, arm.parameters]) for arm, _ in known}


def _notes(plan: StudyPlan, scores: Mapping[str, Mapping[int, float]]) -> Iterator[str]:
    few = [arm.name for arm in plan.arms if 0 < len(scores[arm.name]) < FEWEST]
    if few:
        yield f"fewer than {FEWEST} seeds, so no interval: {', '.join(few)}"
    tried = sum(1 for arm in plan.arms if arm.name != plan.reference and not arm.apart)
    if tried > 1:
        yield f"p-values are corrected for {tried} comparisons (Holm)"


def _of_search(plan: StudyPlan, search: Json | None) -> Iterator[str]:
    if search is None:
        return
    if search["best"] is not None:
        told = f"(mean {plan.metric.name} {search['validation']:.4g})"
        yield f"the best of {search['chosen']} trials on the validation split is {search['best']} {told}"
    yield from (f"{one['name']} could not be run: {one['reason']}" for one in search["skipped"])


COLUMNS = ("arm", "seed", "job_id", "status", "score", "validation", "seconds", "parameters", "bytes", "latency_ms",
           "reason")  # fmt: skip


def as_csv(document: Mapping[str, Any]) -> str:
    """Every run of a table as comma-separated values (RFC 4180); an arm without runs has a row of its own."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for arm in document["arms"]:
        stopped = (arm["stopped"] or {}).get("reason")
        for run in arm["runs"] or [{"status": arm["status"], "reason": stopped}]:
            writer.writerow({"arm": _harmless(arm["name"]), **run, "reason": _harmless(run.get("reason"))})
    return text.getvalue()


def _harmless(cell: str | None) -> str | None:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell and cell[0] in "=+-@\t\r" else cell
