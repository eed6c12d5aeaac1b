"""What the decision rests on: charts with their figures, the networks side by side, and the delivered files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kdcore.report import numbers
from kdcore.report.charts.alignment import features, similarity
from kdcore.report.charts.chart import Chart, framed
from kdcore.report.charts.objective import angles_by_layer, balance_over_time
from kdcore.report.charts.people import change_by
from kdcore.report.charts.size import score_by_size, speed_by_load
from kdcore.report.charts.training import losses_over_time, score_over_time
from kdcore.report.charts.trust import reliability, robustness
from kdcore.report.curves import Record
from kdcore.report.language import Text, say
from kdcore.report.markup import Child, Markup, element, join
from kdcore.report.quantised import quantised_table
from kdcore.report.result import Result
from kdcore.report.tables import cost_table, exports_table, licences_table, models_table, shift_line


def evidence(result: Result, history: Sequence[Record]) -> Markup:
    """Networks and files first, then every chart that the job has figures for, by the question that it answers."""
    return join(
        [
            _section("models", models_table(result), element("p", procedure(result), class_="note")),
            _section(
                "files",
                element("p", say("files.note"), class_="note lead"),
                exports_table(result),
                quantised_table(result),
            ),
            *(_charts(question, charts) for question, charts in _questions(result, history)),
            _section("used", element("div", cost_table(result), licences_table(result), class_="groups")),
        ]
    )


def _questions(result: Result, history: Sequence[Record]) -> Iterator[tuple[str, list[Chart | Markup | None]]]:
    yield "gained", [score_by_size(result), score_over_time(result, history), speed_by_load(result)]
    yield "lost", [change_by(result, "class"), change_by(result, "group")]
    yield "trusted", [reliability(result), robustness(result), shift_line(result)]
    yield (
        "learned",
        [
            losses_over_time(result, history),
            balance_over_time(history),
            similarity(result),
            features(result),
            angles_by_layer(result),
        ],
    )


def _charts(question: str, charts: Sequence[Chart | Markup | None]) -> Markup | None:
    drawn = [framed(chart) if isinstance(chart, Chart) else chart for chart in charts if chart is not None]
    return _section(question, element("div", *drawn, class_="charts")) if drawn else None


def _section(name: str, *content: Child) -> Markup:
    return element("section", element("h2", say(f"section.{name}")), *content, id=name)


def procedure(result: Result) -> Text:
    """How the verdict and the intervals were come by."""
    verdict = result["verdict"]
    if verdict["interval"] is None:
        return say("verdict.no_procedure")
    if verdict["p_value"] is None:
        return say("verdict.procedure")
    return say("verdict.procedure_p", p=numbers.small(verdict["p_value"]))
