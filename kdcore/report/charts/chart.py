"""What every chart of the report is made of: a drawing, its key, and the same figures as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kdcore.report.curves import Curve
from kdcore.report.language import Text, say
from kdcore.report.markup import Markup, element, join, table
from kdcore.report.palette import TERMS, light
from kdcore.report.reading import part_name

DASHES: dict[str, Any] = {"teacher": (0, (5, 2.5)), "alone": "solid", "student": "solid"}
MARKERS = {"teacher": "s", "alone": "^", "student": "o"}
GLYPHS = {"s": "□", "^": "▲", "o": "●"}
MOST_ROWS = 100


@dataclass(frozen=True)
class Key:
    """One row of a chart's key: a line or a mark in a colour, and what it stands for."""

    hue: str
    text: Text
    mark: str = ""
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """A drawing with the same figures as a table; ``name`` is that of its drawing, ``wide`` takes both columns."""

    name: str
    title: Text
    note: Text
    drawing: Markup
    header: list[Text]
    rows: list[list[Text]]
    keys: list[Key] = field(default_factory=list)
    wide: bool = False


def framed(chart: Chart) -> Markup:
    """A chart as the page shows it."""
    title = element("strong", chart.title, id=f"{chart.name}-title")
    caption = element("figcaption", title, element("span", chart.note, class_="note"))
    return element(
        "figure", caption, _key(chart.keys), chart.drawing, figures(chart), class_="wide" if chart.wide else None
    )


def figures(chart: Chart) -> Markup:
    """The table beneath a drawing, folded away until it is asked for."""
    shown = table(chart.header, chart.rows[:MOST_ROWS])
    left = len(chart.rows) - MOST_ROWS
    more = element("p", say("chart.more", n=str(left)), class_="note") if left > 0 else None
    return element("details", element("summary", say("chart.figures")), shown, more)


def _key(keys: Iterable[Key]) -> Markup | None:
    rows = [element("li", join([_sign(key), element("span", key.text)])) for key in keys]
    return element("ul", *rows, class_="key") if rows else None


def _sign(key: Key) -> Markup:
    kind = f"mark {key.hue}" if key.mark else f"swatch {key.hue}{' dashed' if key.dashed else ''}"
    return element("span", key.mark or None, class_=kind, aria_hidden="true")


def line_keys(parts: Iterable[str]) -> list[Key]:
    """The networks' own lines."""
    return [Key(part, part_name(part), dashed=part == "teacher") for part in parts]


def mark_keys(parts: Iterable[str]) -> list[Key]:
    """The networks' own marks."""
    return [Key(part, part_name(part), mark=GLYPHS[MARKERS[part]]) for part in parts]


def marker(part: str, size: float = 6) -> dict[str, Any]:
    """How a network's mark is drawn: the teacher's is a frame, so that a student on the same spot stays visible."""
    frame = {"markersize": size + 3, "markerfacecolor": "none", "markeredgewidth": 1.6} if part == "teacher" else {}
    return {"marker": MARKERS[part], "color": light(part), "linestyle": "none", "markersize": size} | frame


def stroke(part: str, width: float = 1.8) -> dict[str, Any]:
    """How a network's line is drawn."""
    return {"color": light(part or "term1"), "linestyle": DASHES.get(part, "solid"), "linewidth": width}


def hue(index: int) -> str:
    """A colour for something that is no network."""
    return TERMS[index % len(TERMS)]


def side_by_side(lines: Sequence[Curve], text: Any) -> list[list[Text]]:
    """One row for each epoch, one column for each line; at most thirty rows."""
    epochs = sorted({epoch for line in lines for epoch in line.epochs})
    stride = -(-len(epochs) // 30)
    values = [dict(zip(line.epochs, line.values, strict=True)) for line in lines]
    return [[f"{e:g}", *(text(v.get(e)) for v in values)] for i, e in enumerate(epochs) if (i + 1) % stride == 0]


def short(name: str, most: int = 24) -> str:
    """A name that fits beside an axis."""
    return name if len(name) <= most else name[: most - 1] + "…"
