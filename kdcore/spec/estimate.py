"""What a job will cost, from multiply-adds and steps, before it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kdcore.spec.plan import STUDENT, TEACHER, Estimate, NetworkPlan, RunPlan

BACKWARD = 3
"""A training step costs about three forward passes: one forward, two in the backward pass."""

SECONDS_PER_STEP = {"cpu": 4e-3, "cuda": 4e-3}
"""What a small network's step costs whatever its arithmetic."""

MACS_PER_SECOND = {"cpu": 1.5e10, "cuda": 5e12}
"""Multiply-adds a second that small convolutional networks reach on two CPU cores and on a data-centre GPU."""


def estimate(networks: Mapping[str, NetworkPlan], runs: Sequence[RunPlan], device: str) -> Estimate:
    """The cost of ``runs``; the measuring and exporting behind them is not counted."""
    kind = "cuda" if device == "cuda" else "cpu"
    seconds = 0.0
    for run in runs:
        learner = run.learner if run.learner in networks else STUDENT  # a delivered path leads through the student
        macs = networks[learner].macs * BACKWARD
        if TEACHER in run.needs:
            macs += networks[TEACHER].macs
        step = SECONDS_PER_STEP[kind] + macs * run.training.batch_size / MACS_PER_SECOND[kind]
        seconds += run.steps * step
    rate = MACS_PER_SECOND[kind]
    return Estimate(
        parameters={name: network.parameters for name, network in networks.items()},
        macs={name: network.macs for name, network in networks.items()},
        steps=sum(run.steps for run in runs),
        train_seconds=round(seconds, 1),
        assumes=f"{rate:.1e} multiply-adds a second ({kind}); within a factor of five on other machines",
    )
