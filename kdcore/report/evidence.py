"""What the decision rests on: charts with their figures, the table of models, and the exports."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kdcore.report import charts, insight, numbers
from kdcore.report.charts import TITLES, Chart, models_of
from kdcore.report.curves import Record
from kdcore.report.decision import swatch
from kdcore.report.markup import Markup, element, join, table
from kdcore.report.result import LatencyFigures, ModelFigures, Result


def evidence(result: Result, history: Sequence[Record]) -> Markup:
    """Every chart that the job has figures for, then the models side by side."""
    drawn = [
        charts.accuracy_over_time(result, history),
        charts.losses_over_time(history),
        charts.accuracy_by_size(result),
        charts.change_by_class(result),
        insight.balance_over_time(history),
        insight.angles_by_layer(result),
    ]
    return join(
        [
            element("section", element("h2", "Evidence"), element("div", *map(_figure, drawn), class_="charts")),
            element(
                "section",
                element("h2", "The models on the test split"),
                models_table(result),
                element("p", result["verdict"]["procedure"], class_="note"),
            ),
            element("section", element("h2", "Delivered files"), exports_table(result)),
        ]
    )


def _figure(chart: Chart | None) -> Markup | None:
    if chart is None:
        return None
    figures = element("details", element("summary", "Figures"), table(chart.header, chart.rows))
    caption = element("figcaption", element("strong", chart.title), element("span", chart.note, class_="note"))
    return element("figure", caption, chart.drawing, figures)


def models_table(result: Result) -> Markup:
    """One column for each network, one row for each figure."""
    models = models_of(result)
    header: list[str | None] = ["", *(join([swatch(role), TITLES[role]]) for role in models)]
    rows = [[title, *(text(model) for model in models.values())] for title, text in MODEL_ROWS.items()]
    return table(header, rows, class_="figures")


def _latency(key: str) -> Callable[[ModelFigures], str]:
    def text(model: ModelFigures) -> str:
        found: LatencyFigures | None = model["latency_ms"]
        if found is None:
            return numbers.NONE
        return numbers.milliseconds(found["p50"] if key == "p50" else found["p95"])

    return text


def _options(model: ModelFigures) -> str:
    return ", ".join(f"{key} {value}" for key, value in model["options"].items()) or "default"


MODEL_ROWS: dict[str, Callable[[ModelFigures], str]] = {
    "Architecture": lambda model: model["architecture"],
    "Options": _options,
    "Accuracy": lambda model: numbers.percent(model["accuracy"]),
    "95 % interval": lambda model: numbers.between(model["interval"]),
    "Loss (cross-entropy, nats)": lambda model: numbers.small(model["loss"]),
    "Calibration error": lambda model: numbers.percent(model["calibration_error"]),
    "Same class as the teacher": lambda model: numbers.percent(model["agreement_with_teacher"]),
    "KL from the teacher, nats": lambda model: numbers.small(model["divergence_from_teacher"]),
    "Parameters": lambda model: numbers.count(model["parameters"]),
    "Multiply-adds for one input": lambda model: numbers.count(model["macs"]),
    "File (safetensors)": lambda model: numbers.size(model["bytes"]),
    "Latency p50, batch of one, CPU": _latency("p50"),
    "Latency p95": _latency("p95"),
}


def exports_table(result: Result) -> Markup:
    """Each format: verified with how closely it answers, or withheld with the reason."""
    header = ["file", "format", "size", "checked in a fresh process", "largest difference", "same class", "SHA-256"]
    rows = [
        [
            export["name"],
            export["format"],
            numbers.size(export["bytes"]),
            _checked(export["verified"], export["reason"]),
            numbers.small(export["max_difference"]),
            numbers.percent(export["agreement"]),
            element("code", export["sha256"] or numbers.NONE, class_="hash"),
        ]
        for export in result["exports"]
    ]
    return table(header, rows)


def _checked(verified: bool, reason: str | None) -> Markup:
    if verified:
        return element("span", "✓ verified", class_="good")
    return join([element("span", "✕ withheld", class_="bad"), element("span", f": {reason}")])
