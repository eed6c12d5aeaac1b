"""What was measured, as sections of the card: scores, classes, disturbances, files."""

from __future__ import annotations

from kdcore.measure.documents import Change, Changes
from kdcore.report import numbers
from kdcore.report.card.markdown import plain, section, table
from kdcore.report.decision import verdict_sentence
from kdcore.report.evidence import procedure
from kdcore.report.language import Text, capital, name_of
from kdcore.report.reading import (
    change_of,
    changes_by,
    figure_by,
    losers,
    loss_of,
    metric_name,
    models_of,
    noun,
    part_name,
    score_of,
)
from kdcore.report.result import ExportFigures, ModelFigures, Result

SHOWN = 5
"""Classes or groups that stand in the card; the others stand in the report."""


def evaluation(result: Result) -> str:
    """Every network on the test split, and the verdict."""
    header: list[Text] = ["", capital(metric_name(result)), "95 % interval", "Parameters", "File", "One input, p50"]
    rows = [_network(result, part, model) for part, model in models_of(result).items()]
    return section("Evaluation", table(header, rows), plain(verdict_sentence(result)), plain(procedure(result)))


def _network(result: Result, part: str, model: ModelFigures) -> list[Text]:
    time = model["latency_ms"]
    return [
        part_name(part),
        score_of(result, part),
        numbers.interval(model["interval"], result["metric"]["unit"]),
        numbers.NONE if model["parameters"] is None else numbers.whole(model["parameters"]),
        numbers.size(model["bytes"]),
        numbers.NONE if time is None else numbers.milliseconds(time["p50"]),
    ]


def losses(result: Result) -> str:
    """Who pays for the compression, by class and by group."""
    found = [changes for by in ("class", "group") if (changes := changes_by(result, by)) is not None]
    return (
        section("Changes by class", *[part for changes in found for part in _changes(result, changes)]) if found else ""
    )


def _changes(result: Result, changes: Changes) -> list[str]:
    figure, losing = figure_by(result, changes["by"]), losers(result, changes)
    ranked = sorted(changes["parts"], key=lambda part: -loss_of(result, part, figure))
    kind, many = noun(result, changes["by"]), noun(result, changes["by"], many=True)
    told = f"Worst: {plain(ranked[0]['name'])}. "
    told += (
        f"Beyond chance (Holm), {plain(', '.join(part['name'] for part in losing[:SHOWN]))} "
        f"{'loses' if len(losing) == 1 else 'lose'} ({len(losing)} of {len(ranked)} {plain(many)})."
        if losing
        else f"No loss is beyond chance among {len(ranked)} {plain(many)}."
    )
    header: list[Text] = [kind, "Examples", *(part_name(part) for part in models_of(result)), "Change", "Interval"]
    rows = [_change(result, changes["by"], part) for part in ranked[:SHOWN]]
    return [told, table(header, rows), f"Figures are {plain(figure.name)}; the rest stands in `report.html`."]


def _change(result: Result, by: str, part: Change) -> list[Text]:
    figure = figure_by(result, by)
    values = [numbers.figure(part["values"].get(name), figure.unit) for name in models_of(result)]
    bounds = part["interval"]
    sure: Text = numbers.NONE
    if bounds is not None:
        low, high = (numbers.signed(100 * bound) if figure.unit == "%" else f"{bound:+.2g}" for bound in bounds)
        sure = f"{low} to {high}"
    changed = numbers.difference(change_of(result, part), figure.unit)
    return [part["name"], numbers.whole(part["examples"]), *values, changed, sure]


def robustness(result: Result) -> str:
    """What stated disturbances take, each at its worst."""
    found, unit = result["robustness"], result["metric"]["unit"]
    if found is None:
        reason = result["diagnostics"].get("unmeasured", {}).get("robustness", "this task has no such measurement")
        return section("Robustness", f"Not measured: {plain(str(reason))}.")
    parts = [part for part in models_of(result) if part in found["clean"]]
    worst = {row["name"]: row for row in sorted(found["rows"], key=lambda row: row["drop"].get("student") or 0.0)}
    rows: list[list[Text]] = [["none", "", *(numbers.figure(found["clean"].get(part), unit) for part in parts)]]
    rows += [
        [
            name_of("corruption", name),
            f"{row['setting']} (severity {row['severity']})",
            *(numbers.figure(row["scores"].get(part), unit) for part in parts),
        ]
        for name, row in sorted(worst.items())
    ]
    header: list[Text] = ["Disturbance at its worst", "Setting", *(part_name(part) for part in parts)]
    lost = ", ".join(f"{plain(part_name(p))} {plain(_lost(found['mean_drop'].get(p), unit))}" for p in parts)
    told = f"Lost in the mean over {len(found['rows'])} disturbances of {found['examples']} test examples: {lost}."
    return section("Robustness", table(header, rows), told)


def _lost(drop: float | None, unit: str) -> Text:
    return numbers.NONE if drop is None else numbers.distance(drop, unit)


def files(result: Result) -> str:
    """Every format: verified in a fresh process, or withheld and why."""
    header: list[Text] = ["File", "Format", "Size", "Of float ONNX", "Score", "Largest difference", "p50", "Checked"]
    told = "Each file was reloaded in a fresh process and compared with the trained student on the validation split."
    return section("Files and quantised formats", table(header, [_file(result, e) for e in result["exports"]]), told)


def _file(result: Result, export: ExportFigures) -> list[Text]:
    time, unit, bounds = export["latency_ms"], result["metric"]["unit"], export["score_interval"]
    score = numbers.figure(export["score"], unit)
    return [
        export["name"],
        export["format"],
        numbers.size(export["bytes"]),
        numbers.percent(export["share_of_float"], 0),
        score if bounds is None else f"{score} ({numbers.interval(bounds, unit)})",
        numbers.small(export["max_difference"]),
        numbers.NONE if time is None else numbers.milliseconds(time["p50"]),
        "verified" if export["verified"] else f"withheld: {export['reason'] or 'no reason was recorded'}",
    ]
