"""Who pays for the compression: the change of every class or group with its interval, the worst at the top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from kdcore.measure.documents import Change, Changes
from kdcore.report import numbers
from kdcore.report.charts.chart import Chart, Key, short
from kdcore.report.drawing import Drawing, style
from kdcore.report.language import Text, listed, name_of, say, together
from kdcore.report.markup import Markup
from kdcore.report.palette import light
from kdcore.report.reading import (
    Figure,
    change_of,
    changes_by,
    factor,
    figure_by,
    losers,
    loss_of,
    models_of,
    noun,
    part_name,
    rival_of,
)
from kdcore.report.result import Result

MOST_DRAWN = 20
MOST_NAMED = 3


def change_by(result: Result, by: Literal["class", "group"]) -> Chart | None:
    """What the student lost or gained in each class or group against its teacher, else against itself alone."""
    changes, rival, figure = changes_by(result, by), rival_of(result), figure_by(result, by)
    if changes is None or rival is None:
        return None
    known = [part for part in changes["parts"] if change_of(result, part) is not None]
    parts = sorted(known, key=lambda part: -loss_of(result, part, figure))
    losing = losers(result, changes)
    if len(parts) < 2:
        return None
    return Chart(
        name=f"by-{by}",
        title=_title(result, changes, losing, figure),
        note=_note(changes, len(parts), figure),
        drawing=_drawn(result, changes, parts[:MOST_DRAWN], losing),
        keys=_keys(parts, losing),
        header=[
            noun(result, by), say("table.examples"), *map(part_name, models_of(result)),
            _with_unit(say("table.change", rival=name_of("rival", rival)), figure), say("table.interval"),
            say("table.notable"),
        ],
        rows=[_cells(result, part, figure) for part in parts],
    )  # fmt: skip


def _with_unit(text: Text, figure: Figure) -> Text:
    return say("axis.points", what=text) if figure.unit == "%" else text


def _title(result: Result, changes: Changes, losing: Sequence[Change], figure: Figure) -> Text:
    facts: dict[str, Text] = {
        "noun": noun(result, changes["by"], many=True),
        "rival": name_of("rival", rival_of(result) or "teacher"),
    }
    if not losing:
        certain = any(part["interval"] is not None for part in changes["parts"])
        return say("people.none" if certain else "people.none_plain", **facts)
    named: list[Text] = [
        say("people.loser", name=part["name"], change=numbers.difference(change_of(result, part), figure.unit))
        for part in losing[:MOST_NAMED]
    ]
    more = say("people.more", n=str(len(losing) - MOST_NAMED)) if len(losing) > MOST_NAMED else ""
    return say("people.lose", named=together(listed(named), more), **facts)


def _note(changes: Changes, count: int, figure: Figure) -> Text:
    shown = say("people.some", n=str(MOST_DRAWN), all=str(count)) if count > MOST_DRAWN else ""
    spread = {part: numbers.figure(changes["spread"].get(part), figure.unit) for part in ("teacher", "student")}
    outcome = say(f"people.{changes['outcome']}", **spread) if changes["interval"] is not None else ""
    return together(say("people.note", figure=figure.name), shown, outcome)


def _keys(parts: Sequence[Change], losing: Sequence[Change]) -> list[Key]:
    keys = [Key("bad", say("people.key_bad"), mark="●")] if losing else []
    return [*keys, Key("student", say("people.key"), mark="●")] if len(losing) < len(parts) else keys


def _drawn(result: Result, changes: Changes, parts: Sequence[Change], losing: Sequence[Change]) -> Markup:
    figure, rival = figure_by(result, changes["by"]), name_of("rival", rival_of(result) or "teacher")
    with style():
        drawn = Drawing(f"by-{changes['by']}", height=max(1.6, 0.7 + 0.2 * len(parts)))
        for height, part in enumerate(reversed(parts)):
            _bar(drawn.axes, height, part, change_of(result, part) or 0.0, (figure, part in losing))
        drawn.axes.axvline(0, color=light("ink"), linewidth=0.9)
        drawn.axis(_with_unit(say("people.axis", figure=figure.name, rival=rival), figure))
        names: list[Text] = [short(part["name"]) for part in reversed(parts)]
        drawn.ticks(drawn.axes.yaxis, [float(height) for height in range(len(parts))], names)
        drawn.axes.set_ylim(-0.7, len(parts) - 0.3)
        drawn.axes.grid(visible=False, axis="y")
        return drawn.svg()


def _bar(axes: Any, height: int, part: Change, change: float, kind: tuple[Figure, bool]) -> None:
    scale, hue = factor(kind[0].unit), light("bad" if kind[1] else "student")
    if part["interval"] is not None:
        low, high = (scale * bound for bound in part["interval"])
        axes.plot([low, high], [height, height], color=hue, linewidth=2, alpha=0.55)
    axes.plot([scale * change], [height], color=hue, marker="o", markersize=5)


def _cells(result: Result, part: Change, figure: Figure) -> list[Text]:
    change = change_of(result, part)
    values: list[Text] = [numbers.figure(part["values"].get(name), figure.unit) for name in models_of(result)]
    bounds = [] if part["interval"] is None else [_signed(bound, figure.unit) for bound in part["interval"]]
    return [
        part["name"], numbers.whole(part["examples"]), *values, _signed(change, figure.unit),
        " … ".join(bounds) or numbers.NONE, say("table.yes") if part["notable"] else numbers.NONE,
    ]  # fmt: skip


def _signed(value: float | None, unit: str) -> str:
    if value is None:
        return numbers.NONE
    return numbers.signed(100 * value) if unit == "%" else numbers.signed(value, 3)
