"""Charts of what the student costs: its figure against its size, and its speed by batch and by threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdcore.measure.documents import Speed
from kdcore.report import numbers
from kdcore.report.charts.chart import MARKERS, Chart, line_keys, mark_keys, marker, stroke
from kdcore.report.drawing import WIDTH, Drawing, style
from kdcore.report.language import Text, say
from kdcore.report.palette import light
from kdcore.report.reading import axis_of, factor, metric_name, models_of, part_name
from kdcore.report.result import ModelFigures, Result

# Both students have the same size: drawn a little apart, so that their bars can be told from each other.
APART = {"teacher": 1.0, "alone": 0.95, "student": 1.05}


def score_by_size(result: Result) -> Chart | None:
    """The deciding figure on the test split against parameters, of networks whose parameters can be counted."""
    models = {part: model for part, model in models_of(result).items() if model["parameters"]}
    if not models:
        return None
    unit, what = result["metric"]["unit"], say("axis.test", what=metric_name(result))
    with style():
        drawn = Drawing("size")
        for part, model in models.items():
            _size_point(drawn.axes, part, model, factor(unit))
        sizes = sorted({float(model["parameters"] or 1) for model in models.values()})
        drawn.axes.set(xscale="log")
        drawn.axes.margins(x=0.25, y=0.15)
        drawn.axis(say("axis.parameters"), axis_of(what, unit))
        drawn.axes.set_xticks([], minor=True)
        drawn.ticks(drawn.axes.xaxis, sizes, [numbers.count(size) for size in sizes])
        picture = drawn.svg()
    return Chart(
        name="size",
        title=_size_title(result, models),
        note=say("size.note"),
        drawing=picture,
        keys=mark_keys(models),
        header=[say("table.network"), say("table.parameters"), what, say("table.interval")],
        rows=[_size_row(part, model, unit) for part, model in models.items()],
    )


def _size_row(part: str, model: ModelFigures, unit: str) -> list[Text]:
    interval = numbers.interval(model["interval"], unit)
    return [part_name(part), numbers.count(model["parameters"]), numbers.figure(model["score"], unit), interval]


def _size_title(result: Result, models: Mapping[str, ModelFigures]) -> Text:
    metric = metric_name(result)
    if "teacher" not in models or "student" not in models or result["score_kept"] is None:
        return say("size.title_plain", metric=metric)
    share = numbers.percent((models["student"]["parameters"] or 1) / (models["teacher"]["parameters"] or 1))
    if not result["metric"]["higher_is_better"]:
        own, teacher = (numbers.figure(models[part]["score"], "") for part in ("student", "teacher"))
        return say("size.title_error", metric=metric, own=own, teacher=teacher, share=share)
    return say("size.title", kept=numbers.percent(result["score_kept"]), metric=metric, share=share)


def _size_point(axes: Any, part: str, model: ModelFigures, scale: int) -> None:
    score, (low, high) = scale * model["score"], (scale * bound for bound in model["interval"])
    axes.errorbar(
        [(model["parameters"] or 1) * APART[part]],
        [score],
        yerr=[[max(0, score - low)], [max(0, high - score)]],
        color=light(part),
        marker=MARKERS[part],
        markersize=7,
        markerfacecolor="none" if part == "teacher" else light(part),
        markeredgewidth=1.6,
        linestyle="none",
        elinewidth=1.4,
    )


def speed_by_load(result: Result) -> Chart | None:
    """Throughput by batch size at the fewest threads, and time for one input by threads."""
    models = {part: model for part, model in models_of(result).items() if model["speeds"]}
    if "student" not in models:
        return None
    fewest = min(speed["threads"] for speed in models["student"]["speeds"])
    smallest = min(speed["batch"] for speed in models["student"]["speeds"])
    by_batch = {part: _chosen(model, "threads", fewest, "batch") for part, model in models.items()}
    by_threads = {part: _chosen(model, "batch", smallest, "threads") for part, model in models.items()}
    with style():
        drawn = Drawing("speed", 2 * WIDTH, 2.9, columns=2, alike=False)
        for part in models:
            _speed_line(drawn.all_axes[0], part, by_batch[part], "batch", "throughput")
            _speed_line(drawn.all_axes[1], part, by_threads[part], "threads", "p50")
        drawn.axis(say("axis.batch"), say("speed.throughput", threads=str(fewest)), axes=drawn.all_axes[0])
        drawn.axis(say("axis.threads"), say("speed.time", batch=str(smallest)), axes=drawn.all_axes[1])
        for axes, kind in zip(drawn.all_axes, (by_batch, by_threads), strict=True):
            _plain_scales(axes, [speed for line in kind.values() for speed in line], axes is drawn.all_axes[0])
        picture = drawn.svg()
    return Chart(
        name="speed",
        title=_speed_title(by_batch),
        note=say("speed.note", runtime=models["student"]["speeds"][0]["runtime"]),
        drawing=picture,
        keys=line_keys(models),
        header=[
            say("table.network"), say("axis.batch"), say("axis.threads"),
            say("table.p50_ms"), say("table.p95_ms"), say("table.throughput"), say("table.runs"),
        ],
        rows=[_speed_row(part, speed) for part, model in models.items() for speed in model["speeds"]],
        wide=True,
    )  # fmt: skip


def _chosen(model: ModelFigures, fixed: str, value: int, along: str) -> list[Any]:
    return sorted((s for s in _loose(model) if s[fixed] == value), key=lambda speed: speed[along])


def _loose(model: ModelFigures) -> list[dict[str, Any]]:
    return [dict(speed) for speed in model["speeds"]]


def _speed_line(axes: Any, part: str, speeds: list[Any], x: str, y: str) -> None:
    places = [speed[x] for speed in speeds]
    axes.plot(places, [speed[y] for speed in speeds], **stroke(part))
    axes.plot(places, [speed[y] for speed in speeds], **marker(part, 4))
    if y == "p50":
        axes.vlines(places, [s["p50"] for s in speeds], [s["p95"] for s in speeds], color=light(part))


def _plain_scales(axes: Any, speeds: list[Any], by_batch: bool) -> None:
    axes.set(xscale="log", yscale="log" if by_batch else "linear")
    places = sorted({speed["batch" if by_batch else "threads"] for speed in speeds})
    axes.set_xticks(places, [str(place) for place in places])
    axes.set_xticks([], minor=True)
    if by_batch:
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axes.yaxis.set_minor_formatter(lambda value, _: "")
    else:
        axes.set_ylim(bottom=0)


def _speed_title(by_batch: Mapping[str, list[Any]]) -> Text:
    best = max(by_batch["student"], key=lambda speed: speed["throughput"])
    facts: dict[str, Text] = {"rate": numbers.rate(best["throughput"]), "batch": str(best["batch"])}
    rival = next((s for s in by_batch.get("teacher", []) if s["batch"] == best["batch"]), None)
    if rival is None:
        return say("speed.title_plain", **facts)
    return say("speed.title", times=numbers.times(best["throughput"] / rival["throughput"]), **facts)


def _speed_row(part: str, speed: Speed) -> list[Text]:
    times = [numbers.plain_milliseconds(speed["p50"]), numbers.plain_milliseconds(speed["p95"])]
    loads = [str(speed["batch"]), str(speed["threads"])]
    return [part_name(part), *loads, *times, numbers.rate(speed["throughput"]), str(speed["runs"])]
