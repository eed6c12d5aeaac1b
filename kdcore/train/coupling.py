"""What couples the pictures of a batch: pieces whose answer to one picture depends on the others beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from kdcore.objective.padding import ReadsTexts, ReadsTokens
from kdcore.objective.terms import Objective, TermModule
from kdcore.spec.named import Kind
from kdcore.spec.plan import LABELS, RunPlan
from kdcore.spec.rooms import ROOMS, piece_options


def couplings(run: RunPlan, networks: Mapping[str, nn.Module], objective: Objective) -> list[str]:
    """Why a batch cannot be taken in micro-batches without another result: a clause for each piece, or none.

    What is drawn at random, by dropout or in a masked generation, is drawn anew for each micro-batch; that couples
    nothing.

    Args:
        run: tells whether pictures without a label are shown.
        networks: those that speak, by name, in the modes in which they do.
        objective: terms with their adapters, and balances.
    """
    found = [said for name, network in networks.items() for said in _layers(network, f"network {name!r}")]
    some_unlabelled = run.labels is not None and run.sample == "all"
    padded = any(isinstance(network, ReadsTokens | ReadsTexts) for network in networks.values())
    for term in objective.modules_of_terms():
        if term.plan.name not in objective.dropped:
            found += _of_term(term, some_unlabelled=some_unlabelled, padded=padded)
    for learner, asked in objective.plan.balance.items():
        if len(objective.balances[learner].groups) > 1 and _couples("balance", asked):
            found.append(f"balance {asked.kind!r} of {learner!r} weighs the losses of the whole batch")
    return found


def _couples(room: str, asked: Kind) -> bool:
    return ROOMS[room][asked.kind].couples(piece_options(room, asked.kind, asked.options))


def _of_term(term: TermModule, *, some_unlabelled: bool, padded: bool) -> Iterator[str]:
    plan = term.plan
    named = f"term {plan.name!r} (distance {plan.distance.kind!r})"
    if _couples("distance", plan.distance):
        yield f"{named} compares the pictures of a batch with each other"
    elif some_unlabelled and (plan.source == LABELS or asks_for_labels(term)):
        yield f"{named} averages over those pictures of a batch that have a label"
    elif padded and ROOMS["distance"][plan.distance.kind].reads == "features":
        yield f"{named} averages over those tokens of a batch that are no padding"
    yield from _layers(term, f"term {plan.name!r}")


def asks_for_labels(term: TermModule) -> bool:
    """Whether the mean of a term that couples nothing else is over the pictures with a label alone."""
    return any("target" in one.needs and one.over_labelled for one in term.measures())


def batch_layers(module: nn.Module) -> Iterator[str]:
    """Paths of the layers in a module that look at the batch rather than at what they saw in training."""
    for path, layer in module.named_modules():
        if isinstance(layer, _BatchNorm) and (layer.training or layer.running_mean is None):
            yield path


def _layers(module: nn.Module, whose: str) -> Iterator[str]:
    """A clause on the layers that take their statistics from the batch."""
    paths = list(batch_layers(module))
    if paths:
        others = f", as do {len(paths) - 1} more" if len(paths) > 1 else ""
        kind = type(module.get_submodule(paths[0])).__name__
        yield f"layer {paths[0]!r} of {whose} ({kind}) takes its statistics from the batch{others}"
