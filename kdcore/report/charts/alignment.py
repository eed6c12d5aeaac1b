"""Charts of how the student's features came to lie like its teacher's: CKA of the blocks, and the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from kdcore.measure.documents import Alignment, Projection
from kdcore.report import numbers
from kdcore.report.charts.chart import Chart, mark_keys, marker
from kdcore.report.drawing import WIDTH, Drawing, style
from kdcore.report.language import Text, say
from kdcore.report.markup import Markup
from kdcore.report.palette import light
from kdcore.report.result import Result

MOST_BLOCKS = 12
MOST_POINTS = 150
MOST_CENTRES = 12
Time = Literal["before", "after"]
TIMES: tuple[Time, ...] = ("before", "after")


def similarity(result: Result) -> Chart | None:
    """Linear CKA of every student block with every teacher block, before and after training."""
    found = result["alignment"]
    if found is None or not found["cka"].get("after"):
        return None
    rows, columns = _picked(len(found["students"])), _picked(len(found["teachers"]))
    return Chart(
        name="cka",
        title=say("cka.title", **{time: f"{_best(found, time):.2f}" for time in TIMES}),
        note=say("cka.note", n=numbers.whole(found["examples"])),
        drawing=_heat_maps(found, rows, columns),
        header=[say("cka.student"), say("cka.teacher"), say("cka.before"), say("cka.after")],
        rows=[_similar_row(found, row, column) for row in rows for column in columns],
    )


def _picked(count: int) -> list[int]:
    """At most ``MOST_BLOCKS`` of the blocks, evenly spaced, the first and the last among them."""
    if count <= MOST_BLOCKS:
        return list(range(count))
    return [round(index * (count - 1) / (MOST_BLOCKS - 1)) for index in range(MOST_BLOCKS)]


def _best(found: Alignment, time: Time) -> float:
    """Mean over the student's blocks of the likest teacher block."""
    rows = found["cka"].get(time) or [[0.0]]
    return sum(max(row) for row in rows) / len(rows)


def _similar_row(found: Alignment, row: int, column: int) -> list[Text]:
    before, after = (found["cka"].get("before"), found["cka"].get("after"))
    values = [numbers.NONE if table is None else f"{table[row][column]:.2f}" for table in (before, after)]
    return [found["students"][row], found["teachers"][column], *values]


def _heat_maps(found: Alignment, rows: Sequence[int], columns: Sequence[int]) -> Markup:
    with style():
        drawn = Drawing("cka", WIDTH, 1.0 + 2.3 * min(1.4, max(0.5, len(rows) / len(columns))), columns=2)
        for axes, time in zip(drawn.all_axes, TIMES, strict=True):
            table: Any = found["cka"].get(time)
            if table is not None:
                _heat_map(axes, [[table[row][column] for column in columns] for row in rows])
            drawn.axis(say("cka.teacher_blocks"), say("cka.before" if time == "before" else "cka.after"), axes=axes)
        drawn.write(drawn.axes.yaxis.label, say("cka.student_blocks"))
        drawn.axes.yaxis.label.set_rotation_mode("anchor")
        drawn.ticks(drawn.axes.xaxis, [i + 0.5 for i in range(len(columns))], [str(i + 1) for i in columns])
        drawn.ticks(drawn.axes.yaxis, [i + 0.5 for i in range(len(rows))], [str(i + 1) for i in rows])
        return drawn.svg()


def _heat_map(axes: Any, values: list[list[float]]) -> None:
    axes.pcolormesh(values, cmap="cividis", vmin=0, vmax=1, edgecolors="none", antialiased=False)
    axes.grid(visible=False)
    for row, cells in enumerate(values):
        for column, value in enumerate(cells) if len(cells) <= 8 else ():
            shade = "#ffffff" if value < 0.55 else "#000000"
            axes.text(column + 0.5, row + 0.5, f"{value:.2f}", ha="center", va="center", fontsize=7, color=shade)


def features(result: Result) -> Chart | None:
    """Student and teacher features on the teacher's first two principal components, before and after training."""
    found = result["alignment"]
    if found is None or "projection" not in found:
        return None
    projection = found["projection"]
    residual = projection["residual"]
    with style():
        drawn = Drawing("features", WIDTH, 2.9, columns=2)
        for axes, time in zip(drawn.all_axes, TIMES, strict=True):
            _clouds(axes, projection, time)
            drawn.axis(say("features.first"), say("cka.before" if time == "before" else "cka.after"), axes=axes)
        drawn.write(drawn.axes.yaxis.label, say("features.second"))
        drawn.axes.yaxis.label.set_rotation_mode("anchor")
        picture = drawn.svg()
    return Chart(
        name="features",
        title=say("features.title", **{time: numbers.percent(residual[time]) for time in residual}),
        note=say("features.note", explained=numbers.percent(projection["explained"])),
        drawing=picture,
        keys=mark_keys(("teacher", "student")),
        header=[say("features.when"), say("features.residual")],
        rows=[
            [say("cka.before"), numbers.percent(residual["before"])],
            [say("cka.after"), numbers.percent(residual["after"])],
        ],
    )


def _clouds(axes: Any, projection: Projection, time: Time) -> None:
    cloud: Any = projection[time]
    for part in ("teacher", "student"):
        points = cloud[part][:MOST_POINTS]
        mark = marker(part, 2.6) | {"alpha": 0.7, "markeredgewidth": 0.7}
        axes.plot([x for x, _ in points], [y for _, y in points], **mark)
    for start, end in _centres(cloud, projection["labels"]):
        axes.plot([start[0], end[0]], [start[1], end[1]], color=light("ink"), linewidth=1.4)


def _centres(cloud: Any, labels: Sequence[int]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Of every class that is not one of many: the centre of its teacher points and of its student points."""
    kinds = sorted(set(labels))
    if len(kinds) > MOST_CENTRES:
        return []
    return [(_centre(cloud["teacher"], labels, kind), _centre(cloud["student"], labels, kind)) for kind in kinds]


def _centre(points: Sequence[Sequence[float]], labels: Sequence[int], kind: int) -> tuple[float, float]:
    own = [point for point, label in zip(points, labels, strict=False) if label == kind]
    return (sum(x for x, _ in own) / len(own), sum(y for _, y in own) / len(own))
