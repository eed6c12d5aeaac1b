"""Tables of stored outputs in a job: they answer about unchanged inputs, and about those alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from kdcore.spec.base import Problem
from kdcore.spec.listening import bypass_of
from kdcore.spec.plan import NetworkPlan, PlanWarning, RunPlan


def stored_faults(stored: Collection[str], runs: Collection[RunPlan]) -> Iterator[Problem]:
    """Mixed inputs are about two samples, and written ones about none: no row of a table is what is said of them."""
    for run in runs:
        writing = [stage.name for stage in run.stages if stage.writing is not None and set(stored) & set(run.needs)]
        if writing:
            message = f"stage {writing[0]!r} learns from written texts, and a table of stored outputs has none of them"
            yield Problem(pointer="/method", code="stored_outputs", message=f"{message}: take a network as teacher")
            return
        heard = sorted(set(stored) & set(run.needs))
        why = bypass_of(run.training.augment)
        if heard and why is not None:
            message = f"{why}, and {heard[0]} is a table of stored outputs that has none of them: leave it out"
            yield Problem(pointer="/training/augment", code="stored_outputs", message=message)
            return


def stored_warnings(networks: Mapping[str, NetworkPlan], runs: Collection[RunPlan]) -> Iterator[PlanWarning]:
    """Changed inputs get what was said about the unchanged ones; legal, and often worse."""
    stored = {name for name, network in networks.items() if network.stored}
    changed = [run for run in runs if stored & set(run.needs) and run.training.augment.changes]
    if changed:
        message = (
            f"{sorted(stored)[0]} is a table of outputs for unchanged inputs, and the student gets changed ones: what "
            "it is taught may not be what its teacher would say of them; turn training.augment off for consistent "
            "teaching"
        )
        yield PlanWarning(code="stored_outputs_of_unchanged_inputs", pointer="/training/augment", message=message)
