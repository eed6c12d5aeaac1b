"""Methods that are about the balance between the task and the teacher."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.objective import Kind, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task


class MokdOptions(Strict):
    """``temperature`` of the teacher's term; ``logarithmic`` weighs the gradients of the losses' logarithms."""

    temperature: float = Field(default=4, gt=0)
    logarithmic: bool = True


class PcgradOptions(Strict):
    """``temperature`` of the teacher's term."""

    temperature: float = Field(default=4, gt=0)


def _two_terms(temperature: float, epochs: int, kind: Kind) -> tuple[Stage, ...]:
    soft = Term(distance=Kind(kind="kl", options={"temperature": temperature}))
    return (Stage(name="distil", epochs=epochs, terms=(task(), soft), balance={"student": kind}),)


def _mokd(options: MokdOptions, epochs: int) -> tuple[Stage, ...]:
    kind = Kind(kind="min_norm", options={"logarithmic": options.logarithmic})
    return _two_terms(options.temperature, epochs, kind)


def _pcgrad(options: PcgradOptions, epochs: int) -> tuple[Stage, ...]:
    return _two_terms(options.temperature, epochs, Kind(kind="pcgrad"))


BALANCED: Presets = {
    "mokd": Preset(
        "MoKD", "Hayder et al. 2025 (arXiv 2505.08170) and its successor DTO-KD (ICLR 2026)",
        "Task and teacher as two objectives: each step goes along the shortest combination of their log-gradients, "
        "which agrees with both.",
        MokdOptions, _mokd,
        reconstruction="The exact form: two backward passes and the closed solution, clipped to the simplex (printed "
        "without the clipping, it leaves it). The amortised form and the subspace projection are not part of it.",
    ),
    "pcgrad": Preset(
        "Gradient surgery", "Yu et al. 2020 (arXiv 2001.06782)",
        "Where the task's and the teacher's gradients conflict, each loses what points against the other.",
        PcgradOptions, _pcgrad,
    ),
}  # fmt: skip
