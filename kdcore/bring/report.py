"""``report.json``: what an inspection found, for people and pages; written whether the dataset is ready or refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdcore.bring.findings import Findings
from kdcore.data.pack import REPORT
from kdcore.errors import EngineError
from kdcore.files import write_json
from kdcore.spec.bringing import Bringing


def write_report(
    out: Path, options: Bringing, card: Mapping[str, Any], figures: Mapping[str, Any], found: Findings
) -> None:
    """Write what was found of a dataset that is ready.

    Args:
        card: fields of its card.
        figures: what else was found, JSON-ready.
    """
    facts = {key: card[key] for key in ("task", "input", "target", "splits", "grouped")}
    write_json(out / REPORT, {**_head(options), "state": "ready", **facts, **figures, **found.document()})


def write_refusal(out: Path, options: Bringing, found: Findings, error: EngineError) -> None:
    """Write why a dataset was refused."""
    refusal = {"code": error.code, "message": error.message, "param": error.param}
    write_json(out / REPORT, {**_head(options), "state": "refused", "error": refusal, **found.document()})


def _head(options: Bringing) -> dict[str, Any]:
    return {"version": 1, "options": options.model_dump(mode="json")}
