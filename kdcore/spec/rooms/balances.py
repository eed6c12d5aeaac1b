"""Who wins when the losses pull apart."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from kdcore.spec.base import Name, Strict, suggestion
from kdcore.spec.numbers import Number, Ramp
from kdcore.spec.rooms.piece import Piece, Table


class BalanceOptions(Strict):
    """What planner and engine ask of every balance's options.

    Attributes:
        weighs: whether it settles something between groups, so that one group alone leaves it without work.
        optimizers: the optimisers that it can work with; empty for all.
    """

    weighs: ClassVar[bool] = True
    optimizers: ClassVar[tuple[str, ...]] = ()

    @property
    def looks_at(self) -> str | None:
        """The point of the learner whose features it has to be given; None when it needs none."""
        return None

    def fault(self, groups: Collection[str]) -> str | None:
        """Why a learner whose terms have these groups cannot be served, if so."""
        return None


class MeasuredOptions(BalanceOptions):
    """``measure_every``: measure conflict and dominance every so many steps, at one backward pass a group; 0: never."""

    measure_every: int = Field(default=0, ge=0)


class FixedOptions(MeasuredOptions):
    """``factors``: a constant for each group of terms; groups that it does not name have 1."""

    weighs: ClassVar[bool] = False

    factors: dict[Name, float] = {}

    @model_validator(mode="after")
    def _not_negative(self) -> Self:
        if any(factor < 0 for factor in self.factors.values()):
            raise ValueError("a group's factor must not be negative")
        return self

    def fault(self, groups: Collection[str]) -> str | None:
        """A factor for a group that no term has."""
        return _unknown(self.factors, groups)


class ScheduledOptions(MeasuredOptions):
    """``factors``: a constant or a ramp over the stage for each group; groups that it does not name have 1."""

    weighs: ClassVar[bool] = False

    factors: dict[Name, Number]

    @model_validator(mode="after")
    def _spans_given(self) -> Self:
        for group, factor in self.factors.items():
            if isinstance(factor, Ramp) and factor.over is None:
                raise ValueError(f"the ramp of group {group!r} needs 'over': the epochs that its change takes")
            if isinstance(factor, Ramp) and min(factor.start, factor.to) < 0:
                raise ValueError("a group's factor must not be negative")
        return self

    def fault(self, groups: Collection[str]) -> str | None:
        """A factor for a group that no term has."""
        return _unknown(self.factors, groups)


class GradNormOptions(BalanceOptions):
    """``alpha``: how strongly groups that train slowly are favoured; ``learning_rate`` of the weights."""

    alpha: float = Field(default=1.5, ge=0)
    learning_rate: float = Field(default=0.025, gt=0)


class CAGradOptions(BalanceOptions):
    """``c``: how far, as a share of its length, the step may leave the mean gradient for the worst-off group."""

    c: float = Field(default=0.5, ge=0)


class MokdOptions(MeasuredOptions):
    """The shortest convex combination of the groups' (log-)gradients, in three forms.

    Attributes:
        form: ``exact`` from the gradients of all shared parameters, one backward pass a group; ``cheap`` from those
            of the features at one point, then one backward pass; ``amortised`` learns the weights from how much each
            loss fell, with one backward pass and one forward pass without gradient.
        groups: the groups that it weighs, to have them checked; they must be those of the learner's terms.
        logarithmic: combine the gradients of the losses' logarithms, which do not depend on the losses' scale.
        every: solve anew every so many steps (exact and cheap).
        at: where the cheap form looks: a point of the learner that every group's loss passes.
        learning_rate, weight_decay: of the weights' own optimiser (amortised).
    """

    form: Literal["exact", "cheap", "amortised"] = "exact"
    groups: tuple[Name, ...] | None = None
    logarithmic: bool = True
    every: int = Field(default=1, ge=1)
    at: str = "penultimate"
    learning_rate: float = Field(default=0.025, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)

    @model_validator(mode="after")
    def _fits_form(self) -> Self:
        wrong = {
            "exact": self.model_fields_set & {"at", "learning_rate", "weight_decay"},
            "cheap": self.model_fields_set & {"learning_rate", "weight_decay"},
            "amortised": self.model_fields_set & {"at", "every"},
        }[self.form]
        if wrong:
            raise ValueError(f"form {self.form!r} has no {', '.join(sorted(wrong))}: leave it out")
        if self.form == "amortised" and not self.logarithmic:
            raise ValueError("form 'amortised' works with logarithms: take form 'exact' for the plain losses")
        return self

    @property
    def looks_at(self) -> str | None:
        """``at`` in the cheap form."""
        return self.at if self.form == "cheap" else None

    def fault(self, groups: Collection[str]) -> str | None:
        """``groups`` that are not the learner's."""
        if self.groups is None or set(self.groups) == set(groups):
            return None
        return _unknown(self.groups, groups) or (
            f"groups {', '.join(sorted(set(groups) - set(self.groups)))} have terms here, too: name them, or leave "
            "'groups' out"
        )


class DotOptions(BalanceOptions):
    """Two momenta in place of the optimiser's one.

    Attributes:
        delta: taken from the task's momentum and given to the teacher's.
        momentum: what both start from; the optimiser's own is not used.
        task: the group of the task; all others are the teacher's.
    """

    optimizers: ClassVar[tuple[str, ...]] = ("sgd",)

    delta: float = Field(default=0.075, ge=0, lt=1)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    task: Name = "task"

    @model_validator(mode="after")
    def _below_one(self) -> Self:
        if self.momentum < self.delta or self.momentum + self.delta >= 1:
            raise ValueError(f"momentum {self.momentum} with delta {self.delta} leaves the range from 0 to below 1")
        return self

    def fault(self, groups: Collection[str]) -> str | None:
        """No group of the task."""
        return _unknown([self.task], groups)


def _unknown(named: Collection[str], groups: Collection[str]) -> str | None:
    for name in named:
        if name not in groups:
            return f"no term is of group {name!r}; {suggestion(name, groups)}"
    return None


def _weighs_with_the_first(options: MokdOptions) -> bool:
    """Whether micro-batches are weighed by the losses or the features that were seen so far."""
    return options.form != "exact" or (options.every > 1 and options.logarithmic)


BALANCES: Table = {
    "fixed": Piece(FixedOptions, "The weighted sum, with a constant factor for each group."),
    "scheduled": Piece(ScheduledOptions, "The weighted sum, with factors that move with the epochs of the stage."),
    "uncertainty": Piece(
        MeasuredOptions,
        "Each group's loss is divided by a learned variance, whose logarithm is the price of a large one.",
        "Kendall, Gal, Cipolla 2018 (arXiv 1705.07115), equation 10",
    ),
    "gradnorm": Piece(
        GradNormOptions,
        "Learned weights bring the groups' gradients to one norm, larger for groups that train slowly.",
        "Chen et al. 2018 (arXiv 1711.02257), equations 1 and 2; over all shared parameters, not one layer (ours)",
    ),
    "pcgrad": Piece(
        BalanceOptions,
        "Each group's gradient loses its part against any other's before they are added.",
        "Yu et al. 2020 (arXiv 2001.06782), algorithm 1",
    ),
    "cagrad": Piece(
        CAGradOptions,
        "The step near the mean gradient that helps the worst-off group most.",
        "Liu et al. 2021 (arXiv 2110.14048), algorithm 1",
    ),
    "aligned_mtl": Piece(
        BalanceOptions,
        "The gradients made orthogonal and equally long, with as little change as possible, then added.",
        "Senushkin et al. 2023 (arXiv 2305.19000), algorithm 1, scaled by the smallest singular value",
    ),
    "mokd": Piece(
        MokdOptions,
        "The shortest convex combination of the groups' gradients: no group is made worse.",
        "MoKD (arXiv 2505.08170) and DTO-KD; exact: Désidéri 2012 (MGDA); cheap: Sener, Koltun 2018 "
        "(arXiv 1810.04650); amortised: Liu et al. 2023 (FAMO, arXiv 2306.03792), a reconstruction",
        batch_coupled=_weighs_with_the_first,
    ),
    "dot": Piece(
        DotOptions,
        "The teacher's gradients keep a larger momentum than the task's.",
        "Zhao et al. 2023 (DOT, ICCV)",
    ),
}
