"""How far the test examples lie from those that the student learnt from, as the student sees both."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kdcore.measure.documents import Shift
from kdcore.measure.shift import shift
from kdcore.prepare import Workshop
from kdcore.proof.features import before_last
from kdcore.proof.unmeasured import Unmeasured, affordable
from kdcore.seeds import generator
from kdcore.spec.plan import STUDENT

REFERENCE, GIVEN = 1024, 512


def between_splits(workshop: Workshop, student: nn.Module) -> Shift:
    """Test against training features of the student before its last layer, as many as can be afforded.

    Raises:
        Unmeasured: where a path is delivered, whose last layer is not the student's.
        ValueError: features that are not finite, or too few examples.
    """
    plan, device = workshop.plan, workshop.machine.device
    if plan.delivers != STUDENT:
        raise Unmeasured("what is delivered is a path, whose last layer is no layer of the student alone")
    network, seed = plan.networks[STUDENT], plan.spec.training.seed
    train, test = workshop.data.train, workshop.data.test
    most = affordable(network.macs, REFERENCE + GIVEN, device=device)
    own, other = (
        _some(len(side), most * share // (REFERENCE + GIVEN), seed, name)
        for name, side, share in (("train", train, REFERENCE), ("test", test, GIVEN))
    )
    reference, given = (
        before_last(student, network.classifier, workshop.normalise(side.rows(index)))
        for side, index in ((train, own), (test, other))
    )
    return shift(reference, given, space=f"{network.classifier}@in", seed=seed)


def _some(count: int, most: int, seed: int, split: str) -> Tensor:
    """Indices of at most so many of ``count`` examples, drawn and in their order."""
    order = torch.randperm(count, generator=generator(seed, "shift", split))
    return order[:most].sort().values
