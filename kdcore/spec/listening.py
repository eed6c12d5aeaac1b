"""Who listens to which network, where, and for how long: what a plan's runs read, and what of it can be kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from kdcore.spec.caching import CachePlan, Reading, Shape, TeacherCache, cache_plan
from kdcore.spec.plan import LOGITS, RunPlan, StagePlan
from kdcore.spec.training import Augment

Traced = Mapping[str, Mapping[str, Shape]]
"""Shapes (without the batch) by network and point, as the engine found them."""


def points_read(stage: StagePlan, num_classes: int) -> dict[str, dict[str, Shape | None]]:
    """The points of every network that some term of a stage follows, with shapes where they are known."""
    found: dict[str, dict[str, Shape | None]] = {}
    for term in stage.terms:
        for name in term.speakers:
            points = found.setdefault(name, {})
            points.update({pair.source: pair.source_shape for pair in term.pairs})
            if term.reads_logits:
                points[LOGITS] = (num_classes,)
    return found


def readings(
    run: RunPlan,
    num_classes: int,
    paths: Collection[str] = (),
    traced: Traced | None = None,
    stored: Collection[str] = (),
) -> Iterator[Reading]:
    """What the stages of a run read of the networks that they follow.

    Args:
        paths: names of the networks that are ways through another one.
        stored: names of those that are tables of stored outputs.
        traced: shapes that are known better than from the plan.
    """
    for stage in run.stages:
        for network, points in points_read(stage, num_classes).items():
            known = (traced or {}).get(network, {})
            points |= {point: known[point] for point in points if point in known}
            live = None
            if stage.writing is not None:
                live = f"stage {stage.name!r} learns from texts that {stage.writing.writer} writes"
            elif network in run.learners:
                live = f"{network} learns: what it says changes with every step"
            elif network in paths:
                live = f"{network} is a path through another network and is asked each time"
            elif network in stored:
                live = f"{network} is a table of stored outputs: nothing is computed that could be kept"
            yield Reading(
                network=network, run=run.name, stage=stage.name, epochs=stage.epochs, points=points, live=live
            )


def bypass_of(augment: Augment) -> str | None:
    """Why the pictures of a run never repeat whatever ``views`` says; None when they could."""
    mixing = [name for name in ("mixup", "cutmix") if getattr(augment, name, None) is not None]
    return f"{' and '.join(mixing)} makes new pictures in every step" if mixing else None


def kept_networks(
    asked: TeacherCache,
    runs: Sequence[RunPlan],
    *,
    samples: int,
    num_classes: int,
    paths: Collection[str] = (),
    traced: Traced | None = None,
    item: int = 4,
    stored: Collection[str] = (),
) -> tuple[tuple[CachePlan, ...], ...]:
    """The decisions for all runs of a job, one tuple for each set of runs that see the same views.

    Sets of runs follow each other, and each has the whole budget.

    Raises:
        CacheRefused: ``mode: on``, and a frozen network cannot be kept.
    """
    groups: dict[str, list[RunPlan]] = {}
    for run in runs:
        groups.setdefault(_recipe(run), []).append(run)
    decisions = []
    for same in groups.values():
        augment = same[0].training.augment
        heard = [reading for run in same for reading in readings(run, num_classes, paths, traced, stored)]
        decisions.append(
            cache_plan(asked, heard, samples=samples, versions=augment.versions, bypass=bypass_of(augment), item=item)
        )
    return tuple(found for found in decisions if found)


def _recipe(run: RunPlan) -> str:
    """What the views of a run depend on: who learns, where pictures change, because its name is in the seed."""
    augment = run.training.augment
    return f"{run.learner if augment.changes else ''}/{run.training.seed}/{augment.model_dump_json()}"
