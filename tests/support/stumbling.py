"""Batches that formulae stumble over: extreme, constant, single, alike, unlabelled, masked."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from distance_cases import MASK, Case, Inputs

from kdcore.objective.distances import UNLABELLED

FILLS = {
    "zeros": torch.zeros_like,
    "ones": torch.ones_like,
    "plus or minus ten thousand": lambda tensor: 1e4 * tensor.sign(),
    "ten thousand": lambda tensor: torch.full_like(tensor, 1e4),
    "next to nothing": lambda tensor: 1e-12 * tensor,
}


def extremes(case: Case) -> Iterator[tuple[str, Inputs]]:
    """Either side filled with what a network that is dead or lost may say, and both."""
    plain = case.inputs(torch.float32)
    as_given = (lambda side: side.softmax(-1)) if case.options.get("given") == "probabilities" else (lambda side: side)
    for name, fill in FILLS.items():
        student = [as_given(fill(one)) for one in plain.student]
        yield f"a student of {name}", replace(plain, student=student)
        if plain.teacher is not None:
            teacher = [as_given(fill(one)) for one in plain.teacher]
            yield f"a teacher of {name}", replace(plain, teacher=teacher)
            yield f"{name} on both sides", replace(plain, student=student, teacher=teacher)


def degenerate(case: Case) -> Iterator[tuple[str, Inputs]]:
    """Batches of which too little is left."""
    plain = case.inputs(torch.float32)
    yield "one sample", plain.at(torch.tensor([0]))
    yield "two samples of two classes", plain.at(torch.tensor([0, 5]))
    yield "duplicates", plain.at(torch.zeros(len(plain.target), dtype=torch.long))
    yield "one class", replace(plain, target=torch.zeros_like(plain.target))
    yield "no labels", replace(plain, target=torch.full_like(plain.target, UNLABELLED))
    if "mask" in plain.context:
        yield "no token that counts", replace(plain, context={**plain.context, "mask": torch.zeros_like(MASK)})
