"""Whether the given data have drifted: features of the student before its last layer, against those it learnt from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from kdcore.data.examples import Examples
from kdcore.errors import EngineError
from kdcore.measure.documents import Drift
from kdcore.measure.drift import drift
from kdcore.prepare import Workshop
from kdcore.proof.features import before_last
from kdcore.proof.unmeasured import affordable
from kdcore.seeds import generator
from kdcore.spec.plan import STUDENT
from kdcore.spec.reevaluation import DriftRule

REFERENCE, GIVEN = 1024, 512
DRIFTED, STEADY, UNKNOWN = "drifted", "steady", "unknown"


def drifted(rule: DriftRule, workshop: Workshop, student: nn.Module, given: Examples) -> dict[str, Any]:
    """The outcome with the figures of the given data and, beside them, of the job's own test split.

    Where that split is itself farther away than chance, as after a division by groups or with few training examples,
    the threshold counts from there: ``limit`` is the threshold times its ratio, or times 1.

    Where the given features cannot be compared, the outcome is unknown and ``reason`` says why.
    """
    nothing = {"limit": None, "reason": None, "given": None, "own": None}
    told: dict[str, Any] = {**rule.model_dump(), "outcome": UNKNOWN, **nothing}
    if not len(given):
        return told | {"reason": "no example is new: the student learnt from all of them"}
    looking = _Looking(workshop, student)
    try:
        reference = looking.features(workshop.data.train, REFERENCE, "train")
        own = looking.drift(reference, looking.features(workshop.data.open_test(), GIVEN, "test"))
        found = looking.drift(reference, looking.features(given, GIVEN, "given"))
    except (ValueError, RuntimeError, EngineError) as error:
        return told | {"reason": (str(error) or type(error).__name__).splitlines()[0]}
    limit = rule.threshold * max(1.0, own["ratio"][rule.distance])
    outcome = DRIFTED if found["ratio"][rule.distance] > limit else STEADY
    return told | {"outcome": outcome, "limit": limit, "given": found, "own": own}


class _Looking:
    def __init__(self, workshop: Workshop, student: nn.Module) -> None:
        self._shop, self._student = workshop, student
        self._classifier, self._seed = (
            workshop.plan.networks[STUDENT].classifier,
            workshop.plan.spec.training.seed,
        )
        macs = workshop.plan.networks[STUDENT].macs
        self._most = affordable(macs, REFERENCE + 2 * GIVEN, device=workshop.machine.device)

    def features(self, examples: Examples, share: int, purpose: str) -> Tensor:
        """Float32 [N, D] of so many examples, drawn."""
        most = self._most * share // (REFERENCE + 2 * GIVEN)
        order = torch.randperm(len(examples), generator=generator(self._seed, "shift", purpose))
        rows = examples.rows(order[:most].sort().values)
        return before_last(self._student, self._classifier, self._shop.normalise(rows))

    def drift(self, reference: Tensor, given: Tensor) -> Drift:
        return drift(reference, given, space=f"{self._classifier}@in", seed=self._seed)
