"""What a study's page shows beside scores: angles of layers, conflict of gradients, time to a score, prompted paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean, median

from kdcore.spec.studies.findings import Results, to_reach
from kdcore.spec.studies.papers import Extra
from kdcore.spec.studies.showing import NOTHING, seconds, share, table

CONFLICT = " below 0"


def extras(asked: Sequence[Extra], one: Results) -> Iterator[str]:
    """Every extra that was asked for and that the results have."""
    for name in asked:
        shown = SHOWN[name](one)
        if shown is not None:
            yield shown


def _arms(one: Results) -> list[str]:
    return [arm["name"] for arm in one.document["arms"] if one.of(arm["name"])]


def _mean(values: list[float]) -> str:
    return share(fmean(values)) if values else NOTHING


def _angles(one: Results) -> str | None:
    rows = []
    for arm in _arms(one):
        found = [run["diagnostics"]["angles"] for run in one.of(arm) if run["diagnostics"].get("angles")]
        if found:
            acute = [fmean(layer["acute"] for layer in angles["layers"]) for angles in found]
            cosine = fmean(fmean(layer["mean"] for layer in angles["layers"]) for angles in found)
            rows.append([arm, _mean(acute), f"{cosine:.2f}"])
    if not rows:
        return None
    told = (
        "Angles between the ways to two teacher layers, seen from the student's layers at the end (validation split):"
    )
    return f"{told}\n\n{table(['arm', 'acute, %', 'mean cosine'], rows)}"


def _texts(one: Results) -> str | None:
    if not any("bleu" in run["metrics"] for run in one.runs):
        return None
    rows = [
        [arm, *(_mean([run["metrics"][name] for run in one.of(arm)]) for name in ("bleu", "chrf", "rouge_l"))]
        for arm in _arms(one)
    ]
    return f"What beam search writes, against the references:\n\n{table(['arm', 'BLEU', 'chrF', 'ROUGE-L'], rows)}"


def _conflict(one: Results) -> str | None:
    names = sorted({name for run in one.runs for name in run["readings"] if name.endswith(CONFLICT)})
    if not names:
        return None
    rows = []
    for arm in _arms(one):
        cells = [_mean([run["readings"][name] for run in one.of(arm) if name in run["readings"]]) for name in names]
        if cells != [NOTHING] * len(names):
            rows.append([arm, *cells])
    told = "Conflict: share of the measured steps, in %, in which two gradients had a negative cosine:"
    return f"{told}\n\n{table(['arm', *map(_groups, names)], rows)}"


def _groups(name: str) -> str:
    """``cosine.task.distill below 0``: which groups these are."""
    return name.removesuffix(CONFLICT).removeprefix("cosine").strip(".").replace(".", " and ") or "the two groups"


def _time(one: Results) -> str | None:
    alone = [max(run["validation"]) for run in one.of("alone") if run["validation"]]
    if not alone:
        return None
    target = fmean(alone)
    rows = []
    for arm in _arms(one):
        found = to_reach(one.of(arm), target)
        reached = [value for value in found if value is not None]
        shown = seconds(median(reached)) if len(reached) > len(found) / 2 else NOTHING
        rows.append([arm, f"{len(reached)} of {len(found)}", shown])
    told = (
        f"Time to the {share(target)} % that the student alone reaches at best on the validation split (mean over "
        "seeds): processor seconds of training, median of the seeds that get there:"
    )
    return f"{told}\n\n{table(['arm', 'get there', 'time'], rows)}"


def _paths(one: Results) -> str | None:
    rows = []
    for arm in _arms(one):
        trails = [trail for run in one.of(arm) for trail in (run["diagnostics"].get("trails") or {}).values()]
        if trails:
            right = [_mean([trail["accuracy"][name] for trail in trails]) for name in ("teacher", "prompted")]
            nearer = _mean([float(trail["nearer"]) for trail in trails if trail["nearer"] is not None])
            rows.append([arm, *right, nearer])
    if not rows:
        return None
    told = (
        "Teacher and prompted path on the validation split: right in %, and in how many trials, in %, the path's "
        "answers were nearer to the student's than the teacher's were:"
    )
    return f"{told}\n\n{table(['arm', 'teacher', 'path', 'path is nearer'], rows)}"


SHOWN: dict[Extra, Callable[[Results], str | None]] = {
    "angles": _angles, "texts": _texts, "conflict": _conflict, "time": _time, "paths": _paths,
}  # fmt: skip
