"""Who takes part in the measurements of a step: methods, other people's loops, losses alone, and the work in them.

Not a command.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import peers
import torch
from ours import Ours
from timing import Step
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kdcore.data.batches import Batch
from kdcore.train.machine import Machine

HINTED = {"preset": "fitnet", "guided": "stages.1", "hint": "stages.1"}
LAYER_1 = {"preset": "fitnet", "guided": "stages.0", "hint": "stages.0"}


@dataclass(frozen=True)
class Method:
    """What is measured under one name.

    Attributes:
        preset: the method as a spec has it.
        place: of the stage.
    """

    preset: Any
    place: int = -1


METHODS: dict[str, Method] = {
    "hinton": Method("hinton"),
    "fitnet-1": Method(HINTED, 0),
    "fitnet-2": Method(HINTED),
    "dkd": Method("dkd"),
    "reviewkd": Method("reviewkd"),
    "nst": Method("nst"),
    "fsp": Method({"preset": "fsp", "initial_share": 0}),
    "kd2m": Method("kd2m"),
}
"""Against the bare loop and torchdistill."""


def others(name: str, ours: Ours) -> dict[str, Step]:
    """The bare loop and torchdistill, on networks with the weights of ours."""
    found: dict[str, Step] = {}
    by_hand = peers.bare(name)
    if by_hand is not None:
        found["bare"] = stepping(ours, by_hand.step(*pair(ours)))
    box = peers.torchdistill(name, *pair(ours))
    if box is not None:
        found["torchdistill"] = stepping(ours, box)
    return found


def pair(ours: Ours) -> tuple[nn.Module, nn.Module]:
    """Student and teacher, as they come from the builder."""
    workshop = ours.workshop
    return workshop.fresh("student"), workshop.loaded("teacher", ours.workdir / "runs/teacher/weights.safetensors")


def stepping(ours: Ours, step: Callable[[Tensor, Tensor], None]) -> Step:
    """Somebody's step on our batches."""

    def stepped(number: int) -> None:
        batch: Batch = ours.batch(number)
        step(batch.inputs, batch.targets)

    return stepped


def machines(ours: Ours, auto: Machine, *, compiles: bool) -> dict[str, Machine]:
    """What the contenders' names end with, and the numerics that it stands for."""
    compiled = ours.compiled(auto) if compiles else None
    return {"": ours.plain, " auto": auto, **({} if compiled is None else {" auto compiled": compiled})}


def counted(call: Callable[[], object]) -> int:
    """Floating-point operations of convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())


@torch.no_grad()
def skipped(ours: Ours, hint: str) -> float:
    """Work of the twin over ours: teacher once; student forward, and backward (twice that) as far as the hint."""

    def work(network: nn.Module) -> tuple[int, int]:
        layers = [network.stem, *network.stages[: int(hint[-1]) + 1]]  # type: ignore[index, misc]
        images = ours.inputs[:2]
        return counted(lambda: network(images)), counted(lambda: nn.Sequential(*layers)(images))

    student, teacher = (work(network.eval()) for network in pair(ours))
    return (teacher[0] + student[0] + 2 * student[1]) / (teacher[1] + 3 * student[1])


@torch.no_grad()
def said(ours: Ours, options: argparse.Namespace) -> tuple[list[Tensor], list[Tensor]]:
    """The ends of the stages of student and teacher, of one batch; those of the student want gradients."""
    images = ours.inputs[: options.batch]
    both = [peers.Heard(network.eval(), peers.ENDS)(images) for network in pair(ours)]
    student, teacher = ([one[path] for path in peers.ENDS] for one in both)
    return [x.requires_grad_() for x in student], teacher


def pairwise_nst(students: Sequence[Tensor], teachers: Sequence[Tensor]) -> Tensor:
    return sum(map(peers.pairwise_nst, students, teachers), torch.zeros((), device=teachers[0].device))


def backward(loss: Callable[..., Tensor], students: Sequence[Tensor], teachers: Sequence[Tensor]) -> Step:
    return lambda number: torch.autograd.grad(loss(students, teachers), students)
