"""Who wins when the losses pull apart? Balances turn the groups' losses into the gradient of one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kdcore.objective.balance.base import Balance, Readings
from kdcore.objective.balance.factors import Fixed, Scheduled, Uncertainty
from kdcore.objective.balance.minimum import min_norm_weights
from kdcore.objective.balance.mokd import Amortised, MinNorm, mokd
from kdcore.objective.balance.momenta import DOT
from kdcore.objective.balance.surgery import AlignedMTL, CAGrad, GradNorm, PCGrad
from kdcore.spec.rooms import piece_options

__all__ = [
    "CLASSES", "DOT", "AlignedMTL", "Amortised", "Balance", "CAGrad", "Fixed", "GradNorm", "MinNorm", "PCGrad",
    "Readings", "Scheduled", "Uncertainty", "balance", "min_norm_weights",
]  # fmt: skip

CLASSES: dict[str, Callable[[Any, Sequence[str]], Balance]] = {
    "fixed": Fixed,
    "scheduled": Scheduled,
    "uncertainty": Uncertainty,
    "gradnorm": GradNorm,
    "pcgrad": PCGrad,
    "cagrad": CAGrad,
    "aligned_mtl": AlignedMTL,
    "mokd": mokd,
    "dot": DOT,
}


def balance(kind: str, among: Sequence[str] = ("task", "distill"), /, **options: Any) -> Balance:
    """The balance called ``kind``.

    Args:
        among: names of the groups of the learner's terms.

    Raises:
        kdcore.spec.rooms.BadPiece: unknown kind or options.
        ValueError: options that name other groups.
    """
    return CLASSES[kind](piece_options("balance", kind, options), among)
