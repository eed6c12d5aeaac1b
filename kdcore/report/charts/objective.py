"""Charts on how the objective worked: the balance's weights and the layers' angles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kdcore.report import numbers
from kdcore.report.charts.chart import Chart, Key, hue, side_by_side
from kdcore.report.curves import Curve, Record, curves, run_of
from kdcore.report.drawing import Drawing, style
from kdcore.report.language import Both, Text, listed, say
from kdcore.report.palette import TERMS, light
from kdcore.report.result import Result

STUDENT = "balance.student."


def balance_over_time(history: Sequence[Record]) -> Chart | None:
    """What each group of the student's losses counted: its share where one is learned, else its weight."""
    lines = curves(history, run=run_of(history, "student"), split="train")
    found = [line for line in lines if line.name.startswith(STUDENT + "share.")]
    found = found or [line for line in lines if line.name.startswith(STUDENT + "weight.")]
    if not found:
        return None
    with style():
        drawn = Drawing("balance")
        for index, line in enumerate(found):
            drawn.axes.plot(line.epochs, line.values, color=light(hue(index)), linewidth=1.6)
        drawn.axis(say("axis.epoch"), say("balance.share" if ".share." in found[0].name else "balance.weight"))
        drawn.axes.set_ylim(bottom=min(0, *(min(line.values) for line in found)))
        drawn.axes.locator_params(axis="x", integer=True)
        picture = drawn.svg()
    ends: list[Text] = [say("pair", name=_group(line), value=f"{line.values[-1]:.2f}") for line in found]
    return Chart(
        name="balance",
        title=say("balance.title", ends=listed(ends)),
        note=_conflict([line for line in lines if line.name.startswith(STUDENT + "cosine")]),
        drawing=picture,
        keys=[Key(hue(index), _group(line)) for index, line in enumerate(found)],
        header=[say("axis.epoch"), *map(_group, found)],
        rows=side_by_side(found, numbers.small),
    )


def _group(line: Curve) -> str:
    return line.name.removeprefix(STUDENT).partition(".")[2]


def _conflict(lines: Sequence[Curve]) -> Both:
    if not lines:
        return say("balance.note")
    values = [value for line in lines for value in line.values]
    share = sum(value < 0 for value in values) / len(values)
    return say("balance.conflict", share=numbers.percent(share))


def angles_by_layer(result: Result) -> Chart | None:
    """Seen from each student layer, how alike the directions to the teacher's layers are."""
    angles: dict[str, Any] | None = result["diagnostics"].get("angles")
    if not angles:
        return None
    layers = angles["layers"]
    drawn_layers = layers[: len(TERMS)]
    with style():
        drawn = Drawing("angles")
        for index, seen in enumerate(drawn_layers):
            places = range(2, len(seen["by_teacher"]) + 2)
            drawn.axes.plot(places, seen["by_teacher"], color=light(hue(index)), marker="o", markersize=3)
        drawn.axes.axhline(0, color=light("muted"), linewidth=0.8)
        drawn.axis(say("angles.place"), say("angles.cosine"))
        drawn.axes.set(ylim=(-1.05, 1.05))
        drawn.axes.locator_params(axis="x", integer=True)
        picture = drawn.svg()
    acute = sum(seen["acute"] for seen in layers) / len(layers)
    return Chart(
        name="angles",
        title=say("angles.title", share=numbers.percent(acute)),
        note=say("angles.note", space=str(angles["space"])),
        drawing=picture,
        keys=[Key(hue(index), _block(index)) for index in range(len(drawn_layers))],
        header=[say("angles.place"), *(_block(index) for index in range(len(layers)))],
        rows=[
            [str(place + 2), *(numbers.small(seen["by_teacher"][place]) for seen in layers)]
            for place in range(len(layers[0]["by_teacher"]))
        ],
    )


def _block(index: int) -> Both:
    return say("angles.block", n=str(index + 1))
