"""Charts of how far the student can be trusted: its confidence, and what disturbances cost it."""

from __future__ import annotations

import re
from typing import Any

from kdcore.measure.documents import Corruption, Reliability, Robustness
from kdcore.report import numbers
from kdcore.report.charts.chart import Chart, Key, line_keys, marker, stroke
from kdcore.report.drawing import WIDTH, Drawing, style
from kdcore.report.language import Both, Text, known, listed, name_of, say
from kdcore.report.palette import light
from kdcore.report.reading import axis_of, factor, metric_name, models_of, part_name
from kdcore.report.result import Result

PANELS = 5
MOST_CORRUPTIONS = 12


def reliability(result: Result) -> Chart | None:
    """Of every network: how often it is right against how sure it was."""
    found = {part: model["reliability"] for part, model in models_of(result).items()}
    shown = {part: one for part, one in found.items() if one is not None}
    if "student" not in shown:
        return None
    with style():
        drawn = Drawing("reliability", 2 * WIDTH if len(shown) > 1 else WIDTH, 3.1, columns=len(shown))
        for axes, (part, one) in zip(drawn.all_axes, shown.items(), strict=True):
            _reliable(axes, part, one)
            drawn.axis(say("reliability.confidence"), part_name(part), axes=axes)
        drawn.write(drawn.axes.yaxis.label, say("reliability.right"))
        drawn.axes.yaxis.label.set_rotation_mode("anchor")
        picture = drawn.svg()
    errors: list[Text] = [say("pair", name=part_name(p), value=numbers.percent(o["error"])) for p, o in shown.items()]
    return Chart(
        name="reliability",
        title=say("reliability.title", errors=listed(errors)),
        note=say("reliability.note"),
        drawing=picture,
        keys=[Key("muted", say("reliability.ideal"), dashed=True), Key("bad", say("reliability.gap"))],
        header=[say("table.network"), say("reliability.bin"), say("table.examples"), *_SHARES],
        rows=[row for part, one in shown.items() for row in _reliable_rows(part, one)],
        wide=len(shown) > 1,
    )


_SHARES = (say("reliability.confidence"), say("reliability.right"))


def _reliable(axes: Any, part: str, one: Reliability) -> None:
    axes.plot([0, 100], [0, 100], color=light("muted"), linewidth=0.9, linestyle=(0, (4, 2)))
    for entry in one["bins"]:
        if entry["accuracy"] is not None and entry["confidence"] is not None:
            width, place = 100 * (entry["high"] - entry["low"]), 50 * (entry["high"] + entry["low"])
            axes.bar(place, 100 * entry["accuracy"], width=0.9 * width, color=light(part), alpha=0.75)
            ends = [100 * entry["accuracy"], 100 * entry["confidence"]]
            axes.plot([place, place], ends, color=light("bad"), linewidth=1.6)
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")


def _reliable_rows(part: str, one: Reliability) -> list[list[Text]]:
    return [
        [
            part_name(part),
            f"{100 * entry['low']:.0f}–{100 * entry['high']:.0f}{numbers.SPACE}%",
            numbers.whole(entry["examples"]),
            numbers.percent(entry["confidence"]),
            numbers.percent(entry["accuracy"]),
        ]
        for entry in one["bins"]
        if entry["examples"]
    ]


def robustness(result: Result) -> Chart | None:
    """One small chart for each disturbance: the figure by severity, of every network."""
    found = result["robustness"]
    if found is None or not found["rows"]:
        return None
    names = list(dict.fromkeys(row["name"] for row in found["rows"]))
    shown = names[:MOST_CORRUPTIONS]
    parts = list(models_of(result))
    columns = min(PANELS, len(shown))
    rows = -(-len(shown) // columns)
    with style():
        drawn = Drawing("robustness", 2 * WIDTH, 0.5 + 1.7 * rows, columns=columns, rows=rows)
        for axes, name in zip(drawn.all_axes, shown, strict=False):
            _panel(axes, found, name, parts, factor(result["metric"]["unit"]))
            drawn.axis(None, name_of("corruption", name), axes=axes)
        for axes in drawn.all_axes[len(shown) :]:
            axes.set_visible(False)
        for axes in drawn.all_axes[-columns:]:
            drawn.write(axes.xaxis.label, say("robustness.severity"))
        picture = drawn.svg()
    unit = result["metric"]["unit"]
    return Chart(
        name="robustness",
        title=_robust_title(result, found),
        note=say("robustness.note", n=numbers.whole(found["examples"]), what=axis_of(metric_name(result), unit)),
        drawing=picture,
        keys=line_keys(parts),
        header=[say("robustness.name"), say("robustness.severity"), say("robustness.setting"), *map(part_name, parts)],
        rows=[_robust_row(row, parts, unit) for row in [_clean(found), *found["rows"]]],
        wide=True,
    )


def _panel(axes: Any, found: Robustness, name: str, parts: list[str], scale: int) -> None:
    rows = sorted((row for row in found["rows"] if row["name"] == name), key=lambda row: row["severity"])
    for part in parts:
        points = [(0, found["clean"].get(part)), *((row["severity"], row["scores"].get(part)) for row in rows)]
        known = [(place, scale * value) for place, value in points if value is not None]
        places, values = [place for place, _ in known], [value for _, value in known]
        axes.plot(places, values, **stroke(part, 1.5))
        axes.plot(places, values, **marker(part, 3))
    axes.set_xticks([0, *(row["severity"] for row in rows)])


def _clean(found: Robustness) -> Corruption:
    return Corruption(name="none", severity=0, setting="", scores=found["clean"], drop={})


def _robust_row(row: Corruption, parts: list[str], unit: str) -> list[Text]:
    scores = [numbers.figure(row["scores"].get(part), unit) for part in parts]
    return [name_of("corruption", row["name"]), str(row["severity"]), _setting(row), *scores]


def _setting(row: Corruption) -> Text:
    """The setting as it was stated, and in Japanese by its own figures."""
    found = re.findall(r"\d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)?%?", row["setting"])
    key = f"setting.{row['name']}"
    if not found or not known(key):
        return row["setting"] or numbers.NONE
    return Both(row["setting"], say(key, n=found[0], all=found[-1]).ja)


def _robust_title(result: Result, found: Robustness) -> Text:
    unit = result["metric"]["unit"]
    drops: list[Text] = [
        say("pair", name=part_name(part), value=_drop(found["mean_drop"].get(part), unit)) for part in models_of(result)
    ]
    return say("robustness.title", metric=metric_name(result), drops=listed(drops))


def _drop(value: float | None, unit: str) -> Text:
    return numbers.NONE if value is None else numbers.difference(-value if unit == "%" else value, unit)
