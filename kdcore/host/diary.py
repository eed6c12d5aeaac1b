"""The lines of an engine's log that tell its job's story: phases, epochs, warnings, checkpoints, and how it ended."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Record = Mapping[str, Any]

_ASIDE = ("term.", "balance.")
"""Figures that would make a line unreadable; they are in the metrics."""


def note(record: Record) -> None:
    """Write what a record tells, if it is for a log; a full disk may refuse it, and the job goes on."""
    tell = _TOLD.get(record["type"])
    told = tell(record) if tell else None
    if told is None:
        return
    level, text = told
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{at} {level:<7} {text}\n")  # in one piece: other threads write, too
        sys.stderr.flush()


def _phase(record: Record) -> tuple[str, str]:
    return "info", " ".join(["phase", record["phase"], *([f"of {record['run']}"] if record.get("run") else [])])


def _epoch(record: Record) -> tuple[str, str] | None:
    if record["split"] != "validation":
        return None
    figures = [f"{name} {value:.4g}" for name, value in record["values"].items() if not name.startswith(_ASIDE)]
    return "info", f"{record['run']} epoch {record['epoch']:g}, validation: {', '.join(figures)}"


def _checkpoint(record: Record) -> tuple[str, str]:
    return "info", f"checkpoint at step {record['step']}"


def _ended(record: Record) -> tuple[str, str]:
    return "error", f"{record['code']}: {record['message']}"


_TOLD: dict[str, Callable[[Record], tuple[str, str] | None]] = {
    "phase": _phase,
    "metrics": _epoch,
    "checkpoint": _checkpoint,
    "log": lambda record: (record["level"], record["message"]),
    "stopped": lambda record: ("info", f"stopped: {record['reason']}"),
    "error": _ended,
    "result": lambda record: ("info", "done"),
}
