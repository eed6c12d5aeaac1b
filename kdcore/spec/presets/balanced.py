"""Methods that are about the balance between the task and the teacher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field, create_model

from kdcore.spec.base import Strict
from kdcore.spec.named import AdapterKind
from kdcore.spec.objective import Kind, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task
from kdcore.spec.rooms import BALANCES


class TeacherOptions(Strict):
    """``temperature`` of the teacher's term."""

    temperature: float = Field(default=4, gt=0)


class MokdOptions(TeacherOptions):
    """MoKD: two or three objectives of equal rank.

    Attributes:
        form: how the weights are found. ``exact`` solves the papers' own problem in every step, at one backward pass
            an objective, and records their conflict; ``cheap`` solves it at the penultimate feature, with one backward
            pass; ``amortised`` is the papers' update, with one backward pass and one more forward pass.
        logarithmic: weigh the gradients of the losses' logarithms.
        projection: through what the penultimate features are compared as one more objective; ``none`` leaves it out.
    """

    form: Literal["exact", "cheap", "amortised"] = "exact"
    logarithmic: bool = True
    projection: Literal["subspace", "orthogonal", "none"] = "subspace"


def _soft(options: TeacherOptions) -> Term:
    return Term(distance=Kind(kind="kl", options={"temperature": options.temperature}))


def _stage(terms: tuple[Term, ...], epochs: int, balance: Kind) -> tuple[Stage, ...]:
    return (Stage(name="distil", epochs=epochs, terms=terms, balance={"student": balance}),)


def _mokd(options: MokdOptions, epochs: int) -> tuple[Stage, ...]:
    terms = [task(), _soft(options)]
    if options.projection != "none":
        adapter = AdapterKind(kind=options.projection)
        distance = Kind(kind="smooth_l1")
        terms.append(Term(points="penultimate", adapter=adapter, distance=distance, group="feature"))
    chosen: dict[str, Any] = {"form": options.form}
    if not options.logarithmic:
        chosen["logarithmic"] = False
    return _stage(tuple(terms), epochs, Kind(kind="mokd", options=chosen))


@dataclass(frozen=True)
class Balanced:
    """Hinton's two terms under a balance.

    Attributes:
        title, summary: for people; paper and options are those of the balance.
        kind: name of the balance.
        options: those of its options that the preset offers; its other ones keep their defaults.
        reconstruction: what the sources leave open.
    """

    title: str
    summary: str
    kind: str
    options: tuple[str, ...] = field(default=())
    reconstruction: str = ""


TABLE: dict[str, Balanced] = {
    "pcgrad": Balanced(
        "Gradient surgery",
        "Where the task's and the teacher's gradients conflict, each loses what points against the other.",
        "pcgrad",
    ),
    "cagrad": Balanced(
        "Conflict-averse gradients",
        "A step near the mean of the task's and the teacher's gradients that helps the worse-off of both most.",
        "cagrad", ("c",),
    ),
    "aligned-mtl": Balanced(
        "Aligned gradients",
        "The task's and the teacher's gradients made orthogonal and equally long before they are added.",
        "aligned_mtl",
    ),
    "uncertainty": Balanced(
        "Uncertainty weighting",
        "Task and teacher each divided by a learned variance.",
        "uncertainty",
        reconstruction="The paper weighs tasks, not a teacher; both terms take its form for classification.",
    ),
    "gradnorm": Balanced(
        "GradNorm",
        "Learned weights that let the task's and the teacher's losses fall at one rate.",
        "gradnorm", ("alpha", "learning_rate"),
        reconstruction="Gradient norms over all shared parameters, where the paper takes the last shared layer.",
    ),
    "dot": Balanced(
        "Distillation-oriented trainer",
        "The teacher's gradients keep a larger momentum than the task's, so that the student does not settle for a "
        "compromise.",
        "dot", ("delta", "momentum"),
        reconstruction="Both terms weigh one here. Needs SGD, whose own momentum is not used.",
    ),
}  # fmt: skip


def _options(name: str, row: Balanced) -> type[Strict]:
    own = BALANCES[row.kind].options.model_fields
    fields: dict[str, Any] = {option: (own[option].annotation, own[option]) for option in row.options}
    return create_model(f"{name.title().replace('-', '')}Options", __base__=TeacherOptions, **fields)


def _expand(row: Balanced) -> Callable[[Any, int], tuple[Stage, ...]]:
    def expand(options: Any, epochs: int) -> tuple[Stage, ...]:
        balance = Kind(kind=row.kind, options={name: getattr(options, name) for name in row.options})
        return _stage((task(), _soft(options)), epochs, balance)

    return expand


BALANCED: Presets = {
    "mokd": Preset(
        "MoKD", "Hayder et al. 2025 (arXiv 2505.08170) and its successor DTO-KD (ICLR 2026)",
        "Task, teacher's answers and teacher's features as objectives of equal rank: each step goes along the shortest "
        "combination of their log-gradients, which agrees with all of them.",
        MokdOptions, _mokd,
        reconstruction="The closed solution is clipped to the simplex (printed without the clipping, it leaves it). "
        "The amortised form follows FAMO, since the printed update leaves the gradient out. The subspace's formula was "
        "not read: both sides are lifted isometrically, and compared by smooth L1 as in VkD. The papers also clip "
        "gradients to norm 1: training.gradient_clip.",
    ),
    **{
        name: Preset(
            row.title, BALANCES[row.kind].source, row.summary, _options(name, row), _expand(row),
            reconstruction=row.reconstruction,
        )
        for name, row in TABLE.items()
    },
}  # fmt: skip
