"""The report's charts: each answers one question, and its title says what to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kdcore.report import numbers
from kdcore.report.curves import ROLES, Curve, Record, curves, run_of, runs, stage_changes
from kdcore.report.drawing import figure, style, svg
from kdcore.report.markup import Markup
from kdcore.report.palette import TERMS, light
from kdcore.report.result import ModelFigures, Result

TITLES = {"teacher": "Teacher", "alone": "Student alone", "student": "Distilled student"}
DASHES = {"teacher": (0, (5, 2.5)), "alone": "solid", "student": "solid"}
MARKERS = {"teacher": "s", "alone": "^", "student": "o"}
MOST_CLASSES = 20
MOST_STAGES = 12
EPOCHS = "epoch of the run"
WIDTH, HEIGHT = 5.4, 3.1


@dataclass(frozen=True)
class Chart:
    """A drawing with the same figures as a table."""

    title: str
    note: str
    drawing: Markup
    header: list[str]
    rows: list[list[str]]


def models_of(result: Result) -> dict[str, ModelFigures]:
    """The networks that were measured, teacher first."""
    found: dict[str, Any] = dict(result["models"])
    return {role: found[role] for role in TITLES if role in found}


def accuracy_over_time(result: Result, history: Sequence[Record]) -> Chart | None:
    """Validation accuracy of every run."""
    shown = [record for record in history if not _is_aside(record["run"])]
    lines = [line for line in curves(shown, split="validation") if line.name == "accuracy"]
    if not lines:
        return None
    with style():
        drawn, axes = figure(WIDTH, HEIGHT)
        for line in lines:
            _run_line(axes, line)
        _stages(axes, history, run_of(history, "student"))
        axes.set(xlabel=EPOCHS, ylabel="validation accuracy, %")
        axes.locator_params(axis="x", integer=True)
        legend(axes)
        title = "; ".join(f"{_named(line.run).lower()} {numbers.percent(line.values[-1])}" for line in lines)
        picture = svg(drawn, "accuracy", f"Validation accuracy by epoch. Last values: {title}")
    return Chart(
        title=f"Validation accuracy at the end: {title}",
        note="Both students see the same number of steps; the validation split is not the test split.",
        drawing=picture,
        header=["epoch", *(_named(line.run) for line in lines)],
        rows=side_by_side(lines, numbers.percent),
    )


def _is_aside(run: str) -> bool:
    """Short runs that only decide something about another one."""
    return run == "twin" or run.startswith("search-")


def _named(run: str) -> str:
    return TITLES.get(ROLES.get(run, ""), run)


def _run_line(axes: Any, line: Curve) -> None:
    role = ROLES.get(line.run, "")
    axes.plot(
        line.epochs,
        [100 * value for value in line.values],
        color=light(role if role else "term1"),
        linestyle=DASHES.get(role, "solid"),
        linewidth=1.8,
        label=_named(line.run),
    )


def _stages(axes: Any, history: Sequence[Record], run: str | None) -> None:
    """Mark where the student's stages begin, if it has more than one."""
    changes = stage_changes(history, run) if run else []
    for epoch, stage in changes[:MOST_STAGES] if len(changes) > 1 else []:
        axes.axvline(epoch, color=light("muted"), linewidth=0.8, linestyle=(0, (1, 2)))
        axes.text(epoch, 1.01, f"stage {stage}", transform=axes.get_xaxis_transform(), fontsize=8, color=light("muted"))


def legend(axes: Any, columns: int = 3) -> None:
    """Above the plot, so that it hides no line."""
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.05), ncols=columns, handlelength=2.2, columnspacing=1.4)


def side_by_side(lines: Sequence[Curve], text: Any) -> list[list[str]]:
    """One row for each epoch, one column for each line; at most thirty rows."""
    epochs = sorted({epoch for line in lines for epoch in line.epochs})
    stride = -(-len(epochs) // 30)
    values = [dict(zip(line.epochs, line.values, strict=True)) for line in lines]
    return [[f"{e:g}", *(text(v.get(e)) for v in values)] for i, e in enumerate(epochs) if (i + 1) % stride == 0]


def losses_over_time(history: Sequence[Record]) -> Chart | None:
    """Loss of the distilled student, whole and by term: validation solid, training thin."""
    run = run_of(history, "student") or next(reversed(runs(history)), None)
    wanted = _losses(curves(history, run=run))
    if not wanted or run is None:
        return None
    with style():
        drawn, axes = figure(WIDTH, HEIGHT + 0.1 * len({line.name for line in wanted}))
        hues = _hues(wanted)
        for line in wanted:
            _loss_line(axes, line, hues[line.name])
        _stages(axes, history, run)
        axes.set(xlabel=EPOCHS, ylabel="loss")
        axes.locator_params(axis="x", integer=True)
        if _needs_log(wanted):
            axes.set(yscale="log", ylabel="loss (logarithmic)")
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.yaxis.set_minor_formatter(lambda value, _: "")
        legend(axes, columns=2)
        picture = svg(drawn, "loss", f"Losses of run {run} by epoch, whole and by term")
    shown = [line for line in wanted if line.split == "validation"] or wanted
    return Chart(
        title="What the distilled student minimised, whole and by term",
        note="Solid: validation. Thin: training. “total” is the weighted sum; terms are shown before weighting.",
        drawing=picture,
        header=["epoch", *(_term(line.name) for line in shown)],
        rows=side_by_side(shown, numbers.small),
    )


def _losses(lines: Sequence[Curve]) -> list[Curve]:
    """The whole loss and the terms of the network that the run is for; others that learn beside it have an accuracy."""
    others = {line.name.removeprefix("accuracy.") for line in lines if line.name.startswith("accuracy.")}
    wanted = [line for line in lines if line.name == "loss" or line.name.startswith("term.")]
    return [line for line in wanted if line.name.removeprefix("term.").partition(".")[0] not in others]


def _term(name: str) -> str:
    return "total" if name == "loss" else name.removeprefix("term.")


def _hues(lines: Sequence[Curve]) -> dict[str, str]:
    terms = list(dict.fromkeys(line.name for line in lines if line.name != "loss"))
    return {"loss": "ink"} | {name: TERMS[index % len(TERMS)] for index, name in enumerate(terms)}


def _loss_line(axes: Any, line: Curve, hue: str) -> None:
    solid = line.split == "validation"
    axes.plot(
        line.epochs,
        line.values,
        color=light(hue),
        linewidth=1.8 if solid else 0.7,
        alpha=1 if solid else 0.75,
        label=_term(line.name) if solid else None,
    )


def _needs_log(lines: Sequence[Curve]) -> bool:
    values = [value for line in lines for value in line.values]
    return min(values) > 0 and max(values) > 20 * min(values)


def accuracy_by_size(result: Result) -> Chart:
    """Test accuracy against parameters."""
    models = models_of(result)
    with style():
        drawn, axes = figure(WIDTH, HEIGHT)
        for role, model in models.items():
            _size_point(axes, role, model)
        axes.set(xscale="log", xlabel="parameters (logarithmic)", ylabel="test accuracy, %")
        axes.margins(x=0.25, y=0.15)
        axes.set_xticks(sorted({model["parameters"] for model in models.values()}))
        axes.set_xticks([], minor=True)
        axes.xaxis.set_major_formatter(lambda value, _: numbers.count(value))
        legend(axes)
        rows = [[TITLES[r], numbers.count(m["parameters"]), numbers.percent(m["accuracy"])] for r, m in models.items()]
        picture = svg(drawn, "size", "; ".join(": ".join(row[:2]) + f" parameters, {row[2]}" for row in rows))
    return Chart(
        title=_size_title(result, models),
        note="Bars: 95 % intervals from the test examples.",
        drawing=picture,
        header=["model", "parameters", "test accuracy"],
        rows=rows,
    )


def _size_title(result: Result, models: dict[str, ModelFigures]) -> str:
    if "teacher" not in models or result["accuracy_kept"] is None:
        return "Test accuracy against size"
    share = models["student"]["parameters"] / models["teacher"]["parameters"]
    kept = numbers.percent(result["accuracy_kept"])
    return f"{kept} of the teacher’s accuracy with {numbers.percent(share)} of its parameters"


# Both students have the same size: drawn a little apart, so that their bars can be told from each other.
APART = {"teacher": 1.0, "alone": 0.95, "student": 1.05}


def _size_point(axes: Any, role: str, model: ModelFigures) -> None:
    accuracy, (low, high) = 100 * model["accuracy"], (100 * bound for bound in model["interval"])
    axes.errorbar(
        [model["parameters"] * APART[role]],
        [accuracy],
        yerr=[[accuracy - low], [high - accuracy]],
        color=light(role),
        marker=MARKERS[role],
        markersize=7,
        linestyle="none",
        elinewidth=1.4,
        label=TITLES[role],
    )


def change_by_class(result: Result) -> Chart | None:
    """Recall of each class, sorted by what the distilled student lost against the teacher (or against itself alone)."""
    models = models_of(result)
    rival = next((role for role in ("teacher", "alone") if role in models), None)
    if rival is None:
        return None
    changes = sorted(class_changes(models[rival], models["student"]), key=lambda entry: entry[1])
    shown = changes[:MOST_CLASSES]
    with style():
        drawn, axes = figure(WIDTH, max(HEIGHT, 0.6 + 0.24 * len(shown)))
        for height, (index, _) in enumerate(reversed(shown)):
            _class_row(axes, height, {role: model["per_class"][index]["recall"] for role, model in models.items()})
        axes.set(xlabel="recall, %", yticks=range(len(shown)))
        axes.set_yticklabels([_class_name(result, index) for index, _ in reversed(shown)])
        axes.grid(visible=False, axis="y")
        _classlegend(axes, models)
        picture = svg(drawn, "classes", f"Recall by class; {_class_title(result, changes, rival)}")
    return Chart(
        title=_class_title(result, changes, rival),
        note="Worst change at the top." + (f" {MOST_CLASSES} of {len(changes)} classes." if shown != changes else ""),
        drawing=picture,
        header=["class", "examples", *(TITLES[role] for role in models), "change"],
        rows=[_class_cells(result, models, index, change) for index, change in changes[:100]],
    )


def class_changes(rival: ModelFigures, student: ModelFigures) -> list[tuple[int, float]]:
    """Class -> recall of the student minus the rival's, for every class that the test split has."""
    pairs = zip(rival["per_class"], student["per_class"], strict=True)
    return [
        (after["index"], after["recall"] - before["recall"])
        for before, after in pairs
        if before["recall"] is not None and after["recall"] is not None
    ]


def _class_name(result: Result, index: int) -> str:
    name = result["models"]["student"]["per_class"][index]["name"]
    return name if len(name) <= 24 else name[:23] + "…"


def _class_row(axes: Any, height: int, recalls: dict[str, float | None]) -> None:
    drawn = {role: 100 * recall for role, recall in recalls.items() if recall is not None}
    axes.plot([min(drawn.values()), max(drawn.values())], [height, height], color=light("line"), linewidth=3, zorder=1)
    for role, value in drawn.items():
        axes.plot([value], [height], **_class_marker(role), zorder=2)


def _class_marker(role: str) -> dict[str, Any]:
    """The teacher's is a frame, so that a student on the same spot stays visible inside."""
    frame = {"markersize": 9, "markerfacecolor": "none", "markeredgewidth": 1.6} if role == "teacher" else {}
    return {"marker": MARKERS[role], "color": light(role), "linestyle": "none", "markersize": 6} | frame


def _classlegend(axes: Any, models: dict[str, ModelFigures]) -> None:
    for role in models:
        axes.plot([], [], **_class_marker(role), label=TITLES[role])
    legend(axes)


def _class_title(result: Result, changes: list[tuple[int, float]], rival: str) -> str:
    against = "the teacher" if rival == "teacher" else "the student alone"
    if not changes or changes[0][1] >= 0:
        return f"No class is recognised worse than by {against}"
    index, change = changes[0]
    name = result["models"]["student"]["per_class"][index]["name"]
    return f"Class “{name}” loses most against {against}: {numbers.points(change)}"


def _class_cells(result: Result, models: dict[str, ModelFigures], index: int, change: float) -> list[str]:
    entry = result["models"]["student"]["per_class"][index]
    recalls = [numbers.percent(model["per_class"][index]["recall"]) for model in models.values()]
    return [entry["name"], f"{entry['examples']:,}", *recalls, numbers.points(change)]


def verdict_interval(result: Result) -> Markup | None:
    """The difference between both students with its interval, on a line that shows where zero is."""
    verdict = result["verdict"]
    if verdict["difference"] is None or verdict["interval"] is None:
        return None
    difference, (low, high) = 100 * verdict["difference"], (100 * bound for bound in verdict["interval"])
    reach = 1.15 * max(abs(low), abs(high), 0.5)
    with style():
        drawn, axes = figure(4.6, 0.95)
        axes.axvline(0, color=light("ink"), linewidth=1)
        axes.plot([low, high], [0, 0], color=light("student"), linewidth=5, alpha=0.45, solid_capstyle="butt")
        axes.plot([difference], [0], color=light("student"), marker="o", markersize=9)
        axes.set(xlim=(-reach, reach), ylim=(-1, 1), yticks=[])
        axes.set_xlabel("accuracy of the distilled student minus the student alone, points")
        axes.xaxis.set_major_formatter(lambda value, _: numbers.signed(value))
        axes.spines["left"].set_visible(False)
        words = f"{numbers.signed(difference)} points, interval {numbers.signed(low)} to {numbers.signed(high)}"
        return svg(drawn, "verdict", f"Difference between both students: {words}")
