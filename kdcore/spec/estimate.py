"""What a job will cost, from multiply-adds and steps, before it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kdcore.spec.caching import CachePlan
from kdcore.spec.plan import STUDENT, Estimate, NetworkPlan, RunPlan

BACKWARD = 3
"""A training step costs about three forward passes: one forward, two in the backward pass."""

SECONDS_PER_STEP = {"cpu": 4e-3, "cuda": 4e-3}
"""What a small network's step costs whatever its arithmetic."""

MACS_PER_SECOND = {"cpu": 1.5e10, "cuda": 5e12}
"""Multiply-adds a second that small convolutional networks reach on two CPU cores and on a data-centre GPU."""


def estimate(
    networks: Mapping[str, NetworkPlan], runs: Sequence[RunPlan], kept: Sequence[CachePlan], device: str
) -> Estimate:
    """The cost of ``runs`` and of the outputs that are ``kept`` for them; measuring and exporting is not counted."""
    kind = "cuda" if device == "cuda" else "cpu"
    macs = sum(_macs_of_run(run, networks, kept) for run in runs)
    macs += sum(one.samples * one.views * networks[one.network].macs for one in kept if one.samples)
    steps = sum(run.steps for run in runs)
    rate = MACS_PER_SECOND[kind]
    return Estimate(
        parameters={name: network.parameters for name, network in networks.items()},
        macs={name: network.macs for name, network in networks.items()},
        steps=steps,
        train_seconds=round(steps * SECONDS_PER_STEP[kind] + macs / rate, 1),
        assumes=f"{rate:.1e} multiply-adds a second ({kind}); within a factor of five on other machines",
    )


def _macs_of_run(run: RunPlan, networks: Mapping[str, NetworkPlan], kept: Sequence[CachePlan]) -> int:
    """Multiply-adds of a run's steps: of its learner, and of whom it follows where that is asked each time."""
    learner = run.learner if run.learner in networks else STUDENT  # a delivered path leads through the student
    total = run.steps * networks[learner].macs * BACKWARD
    for stage in run.stages:
        answered = {one.network for one in kept if f"{run.name}/{stage.name}" in one.stages}
        asked = {name for term in stage.terms for name in term.speakers} - answered
        steps = stage.epochs * run.steps_per_epoch
        total += steps * sum(networks[name].macs for name in asked & set(networks))
    return total * run.training.batch_size
