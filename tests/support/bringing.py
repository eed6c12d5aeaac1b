"""Datasets brought in tests: from files or from the folder of real data, to a pack that is read back."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers import unavailable

from kdcore.bring.caps import Caps
from kdcore.bring.datasets import dataset
from kdcore.data.pack import REPORT, Split, read_split
from kdcore.spec.bringing import parse_bringing
from kdcore.spec.cards import DatasetCard

REAL = Path(os.environ.get("DISTILLERY_DATA") or Path(__file__).parents[3] / "shared" / "data")
"""The folder of real data; read at import, before any test takes the variable away."""


@dataclass(frozen=True)
class Brought:
    """A pack that was made."""

    card: DatasetCard
    folder: Path

    def split(self, name: Any) -> Split:
        return read_split(self.folder, name)

    @property
    def report(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / REPORT).read_text())
        return document

    def warned(self, code: str) -> list[dict[str, Any]]:
        return [warning for warning in self.report["warnings"] if warning["code"] == code]


def bring(source: Path, out: Path, /, caps: Caps | None = None, **options: Any) -> Brought:
    """Bring what lies in ``source``; options but the name."""
    made = dataset(source, parse_bringing({"name": "test", **options}), out, caps=caps or Caps())
    return Brought(made, out)


def real(name: str) -> Path:
    """A folder of the real data; where there is none the test is skipped, and in CI fails."""
    folder = REAL / name
    if not folder.is_dir():
        unavailable(f"no real data in {folder}")
    return folder
