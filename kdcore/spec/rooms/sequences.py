"""Divergences between distributions over classes or next tokens, beside KL."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kdcore.spec.rooms.logits import TemperatureOptions
from kdcore.spec.rooms.piece import Piece, Table
from kdcore.spec.rooms.temperature import TemperatureOption
from kdcore.spec.tasks import TaskName

BOTH: tuple[TaskName, ...] = ("classification", "generation")


class TokenOptions(TemperatureOptions):
    """The softening of both distributions; sequences are distilled unsoftened unless asked otherwise."""

    temperature: TemperatureOption = 1


class SymmetricOptions(TokenOptions):
    """``forward_share`` is the weight of KL(teacher || student); the rest is that of its reverse."""

    forward_share: float = Field(default=0.5, ge=0, le=1)


class JSDOptions(TokenOptions):
    """``beta`` is the teacher's share of the mixture; 0 stands for the forward KL, 1 for the reverse."""

    beta: float = Field(default=0.5, ge=0, le=1)


class SkewOptions(TokenOptions):
    """``alpha`` is how much of its own side is mixed into the other; ``direction`` says whose divergence it is."""

    alpha: float = Field(default=0.1, gt=0, lt=1)
    direction: Literal["forward", "reverse"] = "forward"


class TopKOptions(TokenOptions):
    """``k`` likeliest classes of a dense teacher; ``rest``: all others as one, or left out and renormalised."""

    k: int = Field(default=64, ge=1)
    rest: Literal["bucket", "renormalise"] = "bucket"


SEQUENCES: Table = {
    "reverse_kl": Piece(
        TokenOptions,
        "T² times the divergence of the teacher from the student: avoids what the teacher finds unlikely.",
        "Gu et al. 2024 (MiniLLM, arXiv 2306.08543), the divergence alone",
        "logits",
        tasks=BOTH,
    ),
    "symmetric_kl": Piece(
        SymmetricOptions, "T² times a weighted sum of the divergences in both directions.", "", "logits", tasks=BOTH
    ),
    "jsd": Piece(
        JSDOptions,
        "T² times the generalised Jensen-Shannon divergence: both sides against their mixture.",
        "Agarwal et al. 2024 (GKD, arXiv 2306.13649), equation 1",
        "logits",
        tasks=BOTH,
    ),
    "skew_kl": Piece(
        SkewOptions,
        "T² times the divergence from a mixture with a little of its own side, which bounds it.",
        "Ko et al. 2024 (DistiLLM, arXiv 2402.03898)",
        "logits",
        tasks=BOTH,
    ),
    "tvd": Piece(
        TokenOptions,
        "Half the sum of absolute differences of probabilities.",
        "Wen et al. 2023 (f-DISTILL, arXiv 2307.15190)",
        "logits",
        tasks=BOTH,
    ),
    "top_k_kl": Piece(
        TopKOptions,
        "T² times the divergence over the teacher's likeliest classes, dense or stored.",
        "ours; sparse teachers as in DistillKit",
        "logits",
        tasks=BOTH,
    ),
}
