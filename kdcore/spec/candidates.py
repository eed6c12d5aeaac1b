"""Students that could be: what a plan shows of a choice that was left to it."""

from __future__ import annotations

from kdcore.spec.base import Strict


class Candidate(Strict):
    """A student that could be, with its sizes.

    Attributes:
        family: of the catalogue.
        bytes: of its weights as float32.
        latency_ms: of one input on a CPU, estimated from its multiply-accumulates alone.
        fits: whether it is within the budget.
        chosen: whether it is the one that the job trains.
        reason: why, or why not.
    """

    architecture: str
    width: float | None
    family: str
    parameters: int
    macs: int
    bytes: int
    latency_ms: float
    fits: bool
    chosen: bool = False
    reason: str


class Proposal(Strict):
    """What was looked at for a student, and what was taken.

    Attributes:
        assumes: what the latencies stand on.
        considered: how many candidates there were.
        candidates: the chosen one first, then those that came closest.
    """

    architecture: str
    width: float | None
    assumes: str
    considered: int
    candidates: tuple[Candidate, ...]
