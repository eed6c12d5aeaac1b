"""How a run of the engine can end other than with a result."""

from __future__ import annotations

from typing import Literal

ErrorCode = Literal[
    "out_of_memory",
    "non_finite_loss",
    "invalid_data",
    "layer_not_found",
    "checkpoint_damaged",
    "checkpoint_mismatch",
    "disk_full",
    "device_missing",
    "process_lost",
    "export_failed",
    "teacher_refused",
    "internal",
]


class EngineError(Exception):
    """A job that cannot go on.

    Attributes:
        code: stable machine-readable name.
        message: what happened, with the value and the remedy.
        param: JSON pointer of the spec's field that caused it, where one did.
    """

    def __init__(self, code: ErrorCode, message: str, param: str | None = None) -> None:
        self.code, self.message, self.param = code, message, param
        super().__init__(f"{param}: {message}" if param else message)


class Stopped(Exception):
    """The run stopped on request, after a checkpoint.

    Attributes:
        reason: as given by whoever asked.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"stopped on request: {reason}")
