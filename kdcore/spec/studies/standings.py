"""Teachers in their order: how good the same student becomes with each, and what the gap between the two says.

The **gap probe** reads off each short run, before anything is trained for long: how far the teacher is ahead on the
validation split (``gap = sign * (v_teacher - v_student)``, sign -1 where less is better); how often the student's
answer is the teacher's, and the mean divergence ``KL(teacher || student)`` of their answers, both on held-out examples;
and how many times as many parameters the teacher has. A gap is called *wide* where the student is oftener right than of
its teacher's opinion: then it follows the labels, and not the teacher. Sources: the capacity gap of S. I. Mirzadeh et
al., Improved Knowledge Distillation via Teacher Assistant (2020), and the motivation of DFPT-KD (METHODS.md); no source
gives the probe's formula: it is our reconstruction, and nothing is ranked by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from kdcore.spec.studies.deciding import amount
from kdcore.spec.studies.ranking import RankingPlan
from kdcore.spec.studies.results import Row
from kdcore.spec.studies.statistics import FEWEST, Paired, holm, paired, summary

Json = dict[str, Any]
Scores = Mapping[int, float]


def standings(plan: RankingPlan, rows: Iterable[Row]) -> Json:
    """The ranking as a JSON-ready document: the teachers, the best first, and the answer in a sentence or two.

    They are ranked by the student's mean on the validation split. A teacher ties with the best where the interval of
    their paired difference covers zero; under three pairs nobody can say.

    Args:
        rows: of arms, none of shared teachers.
    """
    by_arm: dict[str, list[Row]] = {arm.name: [] for arm in plan.arms}
    for row in rows:
        by_arm[row.arm].append(row)
    scores = {name: _validation(found) for name, found in by_arm.items()}
    means = {name: fmean(found.values()) for name, found in scores.items() if found}
    ranked = sorted(means, key=means.__getitem__, reverse=plan.metric.higher_is_better)
    behind = {name: paired(scores[ranked[0]], scores[name]) for name in ranked[1:]}
    corrected = holm({name: one.p_value for name, one in behind.items()})
    teachers = [
        _teacher(plan, name, by_arm[name], scores[name], place, behind.get(name), corrected.get(name))
        for place, name in enumerate(ranked, start=1)
    ]
    teachers += [_teacher(plan, name, by_arm[name], {}, None, None, None) for name in by_arm if name not in ranked]
    return {
        "split": "validation",
        "metric": plan.metric.model_dump(mode="json"),
        "teachers": teachers,
        "largest": largest(plan),
        **_answer(plan, ranked, behind),
    }


def largest(plan: RankingPlan) -> str | None:
    """The teacher of most parameters; None where some cannot be counted, or two have as many."""
    sizes = sorted(plan.sizes.values())
    if not sizes[0] or sizes[-1] == sizes[-2]:
        return None
    return max(plan.sizes, key=plan.sizes.__getitem__)


def ties(found: Paired | None) -> bool | None:
    """Whether a difference may be none; None where nobody can say."""
    return None if found is None or found.interval is None else found.interval[0] <= 0 <= found.interval[1]


def _validation(rows: Iterable[Row]) -> dict[int, float]:
    return {row.seed: row.validation for row in rows if row.status == "succeeded" and row.validation is not None}


def _teacher(
    plan: RankingPlan,
    name: str,
    rows: Sequence[Row],
    scores: Scores,
    place: int | None,
    behind: Paired | None,
    corrected: float | None,
) -> Json:
    return {
        "name": name,
        "place": place,
        "parameters": plan.sizes[name] or None,
        "student": asdict(summary(list(scores.values()))) if scores else None,
        "behind": None if behind is None else {**asdict(behind), "p_corrected": corrected},
        "tie": ties(behind),
        "gate": _gate(rows),
        "probe": _probe(plan, name, rows, scores),
    }


def _gate(rows: Iterable[Row]) -> Json | None:
    """What the teacher showed before anybody listened to it, or why it was not listened to."""
    for row in rows:
        found = (row.figures.get("gate") or {}).get("teacher")
        if found:
            return {name: found.get(name) for name in ("passed", "value", "wanted", "message")}
        if row.error is not None and row.error.get("code") == "teacher_refused":
            return {"passed": False, "value": None, "wanted": None, "message": row.error.get("message")}
    return None


def _probe(plan: RankingPlan, name: str, rows: Iterable[Row], scores: Scores) -> Json | None:
    """The gap probe, see above; None before a run has succeeded."""
    done = [row for row in rows if row.status == "succeeded"]
    if not done or not scores:
        return None
    shown, gate = fmean(scores.values()), (_gate(done) or {}).get("value")
    sign = 1 if plan.metric.higher_is_better else -1
    agreement, right = _mean(done, "agreement_with_teacher"), _score(done)
    size = plan.sizes[name] / plan.arm(name).parameters if plan.arm(name).parameters else 0
    return {
        "gap": None if gate is None else sign * (gate - shown),
        "agreement": agreement,
        "divergence": _mean(done, "divergence_from_teacher"),
        "times_larger": size or None,
        "wide": None if agreement is None or right is None else agreement < right,
    }


def _mean(rows: Iterable[Row], name: str) -> float | None:
    values = [float(row.figures[name]) for row in rows if row.figures.get(name) is not None]
    return fmean(values) if values else None


def _score(rows: Iterable[Row]) -> float | None:
    values = [row.score for row in rows if row.score is not None]
    return fmean(values) if values else None


def _answer(plan: RankingPlan, ranked: Sequence[str], behind: Mapping[str, Paired]) -> Json:
    """Who teaches best, as far as it can be told."""
    if len(ranked) < 2 or any(one.interval is None for one in behind.values()):
        message = f"two teachers need {FEWEST} seeds that both have before one can be called better"
        return {"code": "too_few", "best": None, "tied": [], "answer": message, "largest_is_best": None}
    best, tied = ranked[0], [name for name in ranked[1:] if ties(behind[name])]
    biggest = largest(plan)
    known = biggest if biggest in ranked else None
    largest_wins = None if known is None else known == best or (None if known in tied else False)
    told = f"{', '.join([best, *tied])} cannot be told apart: the intervals of their differences cover zero"
    if not tied:
        next_best = behind[ranked[1]]
        told = f"{best} teaches best: {amount(_gain(plan, next_best), plan.metric)} to the next, {ranked[1]}"
    if largest_wins is False:
        told += f"; the largest teacher, {known}, is not the best"
    elif largest_wins is None and known is not None:
        told += f"; the largest teacher, {known}, is not better than a smaller one"
    code = "tie" if tied else "best"
    return {"code": code, "best": best, "tied": tied, "answer": told, "largest_is_best": largest_wins}


def _gain(plan: RankingPlan, found: Paired) -> float | None:
    """How far the best is ahead, whichever direction is better."""
    if found.difference is None:
        return None
    return found.difference if plan.metric.higher_is_better else -found.difference
