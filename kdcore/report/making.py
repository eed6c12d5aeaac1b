"""How the student was made: data, time, versions, hashes, and the spec that makes it again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kdcore.report import numbers
from kdcore.report.language import Text, name_of, say
from kdcore.report.markup import Markup, element, join, table
from kdcore.report.result import Result

DIGEST = re.compile("[0-9a-f]{40,}")


def making(result: Result, spec: str) -> Markup:
    """Everything that somebody needs to repeat the job."""
    return element(
        "section",
        element("h2", say("section.making")),
        element("div", *_groups(result), class_="groups"),
        _spec(spec),
        element(
            "details",
            element("summary", say("making.resolved")),
            table([say("making.setting"), say("making.value")], flat(result["resolved"])),
        ),
        id="making",
    )


def _groups(result: Result) -> Iterator[Markup | None]:
    yield _group("data", flat(result["dataset"]))
    yield _group(
        "time", [[name_of("phase", phase), numbers.seconds(value)] for phase, value in result["durations"].items()]
    )
    yield _group("versions", flat(result["versions"]))
    yield _group("hashes", flat(result["hashes"]))


def _group(title: str, rows: Sequence[Sequence[Text]]) -> Markup | None:
    if not rows:
        return None
    cells = [join([element("dt", key), element("dd", _value(value))]) for key, value in rows]
    return element("div", element("h3", say(f"making.{title}")), element("dl", *cells))


def _value(value: Text) -> Text:
    """A digest in its own type, anything else as it is."""
    return element("code", value, class_="hash") if isinstance(value, str) and DIGEST.fullmatch(value) else value


def _spec(spec: str) -> Markup | None:
    return join([element("h3", say("making.spec")), element("pre", element("code", spec))]) if spec else None


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
