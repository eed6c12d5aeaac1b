"""The newly given data: all their examples, but those that the student learnt from."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from kdcore.data.examples import Examples
from kdcore.data.packs import read_pack
from kdcore.prepare import Workshop
from kdcore.seeds import generator
from kdcore.spec.reevaluation import ReevaluationPlan

MOST = 50_000
"""Examples that are measured; of more, so many are drawn."""


@dataclass(frozen=True)
class Given:
    """What is measured.

    Attributes:
        examples: with targets as the student's task knows them.
        total: how many were given.
        known: of them, how many were left out because the student had them for training or to choose by.
    """

    examples: Examples
    total: int
    known: int


def newly_given(plan: ReevaluationPlan, workshop: Workshop, workdir: Path) -> Given:
    """The examples of every split of the given version.

    A later version of the dataset that the job learnt from holds the earlier examples, too: each of these is left out
    as often as the student had it, bit by bit the same. Of another dataset nothing is left out.

    Raises:
        EngineError: ``invalid_data``.
    """
    splits = read_pack(workdir / (plan.dataset.pack or ""), plan.dataset).values()
    every = Examples(torch.cat([one.inputs for one in splits]), torch.cat([one.targets for one in splits]))
    fresh = torch.arange(len(every))
    if plan.grown:
        fresh = unknown(every.inputs, [workshop.data.train.inputs, workshop.data.validation.inputs])
    known = len(every) - len(fresh)
    if len(fresh) > MOST:
        order = torch.randperm(len(fresh), generator=generator(plan.distilled.spec.training.seed, "given"))
        fresh = fresh[order[:MOST].sort().values]
    chosen = every.take(fresh)
    return Given(Examples(chosen.inputs, workshop.task.prepared(chosen.targets), chosen.origin), len(every), known)


def unknown(given: Tensor, known: list[Tensor]) -> Tensor:
    """Places of the inputs [N, ...] that are not among ``known`` ones, each of which accounts for one: int64 [M]."""
    left = Counter(digest for one in known for digest in _digests(one))
    fresh = []
    for place, digest in enumerate(_digests(given)):
        if left[digest] > 0:
            left[digest] -= 1
        else:
            fresh.append(place)
    return torch.tensor(fresh, dtype=torch.long)


def _digests(inputs: Tensor) -> list[bytes]:
    return [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in inputs.contiguous().numpy()]
