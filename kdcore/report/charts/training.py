"""Charts of the training: the deciding figure and the losses, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kdcore.report import numbers
from kdcore.report.charts.chart import Chart, Key, hue, side_by_side, stroke
from kdcore.report.curves import ROLES, Curve, Record, curves, run_of, runs, stage_changes
from kdcore.report.drawing import HEIGHT, WIDTH, Drawing, style
from kdcore.report.language import Text, listed, say
from kdcore.report.palette import light
from kdcore.report.reading import axis_of, factor, metric_name, part_name
from kdcore.report.result import Result

MOST_STAGES = 12
MOST_LINES = 12


def score_over_time(result: Result, history: Sequence[Record]) -> Chart | None:
    """The deciding figure of every run on the validation split, where training measures it."""
    unit, what = result["metric"]["unit"], metric_name(result)
    shown = [record for record in history if not _is_aside(record["run"])]
    lines = [line for line in curves(shown, split="validation") if line.name == result["metric"]["name"]][:MOST_LINES]
    if not lines:
        return None
    with style():
        drawn = Drawing("score")
        for line in lines:
            values = [factor(unit) * value for value in line.values]
            drawn.axes.plot(line.epochs, values, **stroke(ROLES.get(line.run, "")), **_point(line))
        _stages(drawn, history, run_of(history, "student"))
        _by_epoch(drawn, axis_of(say("axis.validation", what=what), unit))
        picture = drawn.svg()
    ends: list[Text] = [
        say("pair", name=_named(line.run), value=numbers.figure(line.values[-1], unit)) for line in lines
    ]
    return Chart(
        name="score",
        title=say("score.title", what=what, ends=listed(ends)),
        note=say("score.note"),
        drawing=picture,
        keys=[_line_key(line) for line in lines],
        header=[say("axis.epoch"), *(_named(line.run) for line in lines)],
        rows=side_by_side(lines, lambda value: numbers.figure(value, unit)),
    )


def _is_aside(run: str) -> bool:
    """Short runs that only decide something about another one."""
    return run == "twin" or run.startswith("search-")


def _named(run: str) -> Text:
    return part_name(ROLES[run]) if run in ROLES else run


def _line_key(line: Curve) -> Key:
    part = ROLES.get(line.run, "")
    return Key(part or "term1", _named(line.run), dashed=part == "teacher")


def _by_epoch(drawn: Drawing, what: Text) -> None:
    drawn.axis(say("axis.epoch"), what)
    drawn.axes.locator_params(axis="x", integer=True)


def _stages(drawn: Drawing, history: Sequence[Record], run: str | None) -> None:
    """Mark where the student's stages begin, if it has more than one."""
    changes = stage_changes(history, run) if run else []
    for epoch, stage in changes[:MOST_STAGES] if len(changes) > 1 else []:
        drawn.axes.axvline(epoch, color=light("muted"), linewidth=0.8, linestyle=(0, (1, 2)))
        place = {"transform": drawn.axes.get_xaxis_transform(), "fontsize": 8, "color": light("muted")}
        words = drawn.axes.text(epoch, 0.03, "", rotation=90, rotation_mode="anchor", va="top", **place)
        drawn.write(words, say("axis.stage", stage=stage))


def losses_over_time(result: Result, history: Sequence[Record]) -> Chart | None:
    """Loss of the distilled student, whole and by term: validation solid, training thin."""
    run = run_of(history, "student") or next(reversed(runs(history)), None)
    wanted = _losses(curves(history, run=run), result["metric"]["name"])
    if not wanted or run is None:
        return None
    hues = _hues(wanted)
    with style():
        drawn = Drawing("loss", WIDTH, HEIGHT)
        for line in wanted:
            _loss_line(drawn.axes, line, hues[line.name])
        _stages(drawn, history, run)
        _by_epoch(drawn, say("axis.loss_log") if _needs_log(wanted) else say("axis.loss"))
        if _needs_log(wanted):
            drawn.axes.set(yscale="log")
            drawn.axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            drawn.axes.yaxis.set_minor_formatter(lambda value, _: "")
        picture = drawn.svg()
    shown = [line for line in wanted if line.split == "validation"] or wanted
    return Chart(
        name="loss",
        title=say("loss.title"),
        note=say("loss.note"),
        drawing=picture,
        keys=[Key(hues[name], _term(name)) for name in hues if any(line.name == name for line in wanted)],
        header=[say("axis.epoch"), *(_term(line.name) for line in shown)],
        rows=side_by_side(shown, numbers.small),
    )


def _losses(lines: Sequence[Curve], metric: str) -> list[Curve]:
    """The whole loss and the terms of the network that the run is for; others that learn beside it have a figure."""
    others = {line.name.removeprefix(f"{metric}.") for line in lines if line.name.startswith(f"{metric}.")}
    wanted = [line for line in lines if line.name == "loss" or line.name.startswith("term.")]
    own = [line for line in wanted if line.name.removeprefix("term.").partition(".")[0] not in others]
    names = list(dict.fromkeys(line.name for line in own))[:MOST_LINES]
    return [line for line in own if line.name in names]


def _term(name: str) -> Text:
    return say("loss.total") if name == "loss" else name.removeprefix("term.")


def _hues(lines: Sequence[Curve]) -> dict[str, str]:
    terms = list(dict.fromkeys(line.name for line in lines if line.name != "loss"))
    return {"loss": "ink"} | {name: hue(index) for index, name in enumerate(terms)}


def _loss_line(axes: Any, line: Curve, colour: str) -> None:
    solid = line.split == "validation"
    weight = {"linewidth": 1.8 if solid else 0.7, "alpha": 1 if solid else 0.75}
    axes.plot(line.epochs, line.values, color=light(colour), **weight, **_point(line))


def _point(line: Curve) -> dict[str, Any]:
    """A mark for a line of one point, which would not be seen."""
    return {"marker": "o", "markersize": 5} if len(line.values) == 1 else {}


def _needs_log(lines: Sequence[Curve]) -> bool:
    values = [value for line in lines for value in line.values]
    return min(values) > 0 and max(values) > 20 * min(values)
