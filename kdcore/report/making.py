"""How the student was made: data, time, versions, hashes, and the spec that makes it again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kdcore.report import numbers
from kdcore.report.markup import Markup, element, join, table
from kdcore.report.result import Result


def making(result: Result, spec: str) -> Markup:
    """Everything that somebody needs to repeat the job."""
    return element(
        "section",
        element("h2", "How it was made"),
        element("div", *_groups(result), class_="groups"),
        _spec(spec),
        element(
            "details",
            element("summary", "What the machine decided (resolved plan)"),
            table(["setting", "value"], flat(result["resolved"])),
        ),
    )


def _groups(result: Result) -> Iterator[Markup | None]:
    yield _group("Data", flat(result["dataset"]))
    yield _group("Time", [[phase, numbers.seconds(value)] for phase, value in result["durations"].items()])
    yield _group("Versions", flat(result["versions"]))
    yield _group("Hashes", flat(result["hashes"]))


def _group(title: str, rows: list[list[str]]) -> Markup | None:
    if not rows:
        return None
    cells = [join([element("dt", key), element("dd", _value(value))]) for key, value in rows]
    return element("div", element("h3", title), element("dl", *cells))


def _value(value: str) -> str:
    """A digest in its own type, anything else as it is."""
    return element("code", value, class_="hash") if re.fullmatch("[0-9a-f]{40,}", value) else value


def _spec(spec: str) -> Markup | None:
    return join([element("h3", "Spec"), element("pre", element("code", spec))]) if spec else None


def flat(facts: Mapping[str, Any], prefix: str = "") -> list[list[str]]:
    """Nested facts as rows of dotted name and value."""
    rows: list[list[str]] = []
    for key, value in facts.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows.extend(flat(value, f"{name}."))
        elif isinstance(value, (list, tuple)):
            rows.append([name, ", ".join(map(str, value))])
        else:
            rows.append([name, f"{value:g}" if isinstance(value, float) else str(value)])
    return rows
