"""The tables of the report: the networks side by side, the delivered files, the shift of the data, cost, licences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kdcore.report import numbers
from kdcore.report.hazards import licence_name
from kdcore.report.language import Text, capital, listed, name_of, say
from kdcore.report.markup import Child, Markup, element, join, table
from kdcore.report.reading import metric_name, models_of, part_name
from kdcore.report.result import ExportFigures, Licence, ModelFigures, Result
from kdcore.spec.tasks import task_info


def models_table(result: Result) -> Markup:
    """One column for each network, one row for each figure that one of them has."""
    models = models_of(result)
    header: list[Child] = ["", *(join([swatch(part), part_name(part)]) for part in models)]
    rows = [[title, *cells] for title, cells in _rows(result, models) if any(cell != numbers.NONE for cell in cells)]
    return table(header, rows, class_="figures")


def swatch(part: str) -> Markup:
    """A short line in the colour and stroke that stand for a network everywhere."""
    dashed = " dashed" if part == "teacher" else ""
    return element("span", class_=f"swatch {part}{dashed}", aria_hidden="true")


def _rows(result: Result, models: Mapping[str, ModelFigures]) -> Iterator[tuple[Text, list[Text]]]:
    """Titles and cells: what each network is, the figures of its task, what it costs."""
    for key, text in WHAT.items():
        yield say(f"models.{key}"), [text(model) for model in models.values()]
    for metric in task_info(result["metric"]["task"]).metrics:
        cells: list[Text] = [_with_interval(result, model, metric.name, metric.unit) for model in models.values()]
        yield capital(metric_name(result, metric.name)), cells
    for key, text in COSTS.items():
        yield say(f"models.{key}"), [text(model) for model in models.values()]


def _with_interval(result: Result, model: ModelFigures, name: str, unit: str) -> str:
    value = numbers.figure(model["metrics"].get(name), unit)
    bounds = model["interval"] if name == result["metric"]["name"] else model["intervals"].get(name)
    return value if bounds is None or value == numbers.NONE else f"{value} ({numbers.interval(bounds, unit)})"


def _latency(model: ModelFigures) -> Text:
    found = model["latency_ms"]
    if found is None:
        return numbers.NONE
    return say("models.times", p50=numbers.milliseconds(found["p50"]), p95=numbers.milliseconds(found["p95"]))


def _options(model: ModelFigures) -> Text:
    return ", ".join(f"{key} {value}" for key, value in model["options"].items()) or numbers.NONE


WHAT: dict[str, Callable[[ModelFigures], Text]] = {
    "architecture": lambda model: model["architecture"],
    "options": _options,
}

COSTS: dict[str, Callable[[ModelFigures], Text]] = {
    "loss": lambda model: numbers.small(model["loss"]),
    "calibration": lambda model: numbers.percent(model["calibration_error"]),
    "agreement": lambda model: numbers.percent(model["agreement_with_teacher"]),
    "divergence": lambda model: numbers.small(model["divergence_from_teacher"]),
    "parameters": lambda model: numbers.count(model["parameters"]),
    "macs": lambda model: numbers.count(model["macs"]),
    "bytes": lambda model: numbers.size(model["bytes"]),
    "memory": lambda model: numbers.size(model["memory_bytes"]),
    "latency": _latency,
}


def exports_table(result: Result) -> Markup:
    """Each format: its cost and its figure, and verified with how closely it answers or withheld with the reason."""
    columns = ("file", "bytes", "share", "latency", "score", "checked", "difference", "agreement", "sha")
    return table([say(f"files.{column}") for column in columns], [_export(result, e) for e in result["exports"]])


def _export(result: Result, export: ExportFigures) -> list[Child]:
    latency = export["latency_ms"]
    return [
        join([element("span", export["name"], class_="file"), element("span", export["format"], class_="note")]),
        numbers.size(export["bytes"]),
        numbers.percent(export["share_of_float"], 0),
        numbers.NONE if latency is None else numbers.milliseconds(latency["p50"]),
        _scored(result, export),
        _checked(export["verified"], export["reason"]),
        numbers.small(export["max_difference"]),
        numbers.percent(export["agreement"]),
        element("code", export["sha256"] or numbers.NONE, class_="hash"),
    ]


def _scored(result: Result, export: ExportFigures) -> str:
    unit, bounds = result["metric"]["unit"], export["score_interval"]
    value = numbers.figure(export["score"], unit)
    return value if bounds is None else f"{value} ({numbers.interval(bounds, unit)})"


def _checked(verified: bool, reason: str | None) -> Markup:
    if verified:
        return element("span", "✓ ", say("files.verified"), class_="good")
    told = element("span", reason, class_="recorded") if reason else None
    return join([element("span", "✕ ", say("files.withheld"), class_="bad"), told])


def shift_line(result: Result) -> Markup | None:
    """How far test data lies from training data, against what chance alone gives."""
    shift = result["shift"]
    if shift is None:
        return None
    rows: list[list[Child]] = [
        [
            say(f"shift.{name}"),
            numbers.small(value),
            numbers.small(shift["floor"].get(name)),
            _ratio(shift["floor"], name, value),
        ]
        for name, value in (("w2", shift["w2"]), ("mmd", shift["mmd"]))
    ]
    facts: dict[str, Text] = {"n": numbers.whole(shift["examples"]), "p": numbers.small(shift["p_value"])}
    note = say("shift.note", space=shift["space"], width=str(shift["width"]), **facts)
    header = [say(f"shift.{column}") for column in ("measure", "found", "floor", "times")]
    return _part("shift.title", join([table(header, rows), element("p", note, class_="note")]))


def _ratio(floor: Mapping[str, float], name: str, value: float) -> Text:
    chance = floor.get(name) or 0.0
    return numbers.times(value / chance) if chance > 0 and value > 0 else numbers.NONE


def cost_table(result: Result) -> Markup:
    """What the job used: seconds of the device by run, energy where a meter counts it."""
    cost = result["cost"]
    rows: list[list[Child]] = [[_run(run["run"]), numbers.seconds(run["seconds"])] for run in cost["runs"]]
    rows.append([say("cost.all"), numbers.seconds(cost["device_seconds"])])
    energy: Text = numbers.energy(cost["energy_joules"])
    if cost["energy_joules"] is None:
        energy = say("cost.no_meter")
    elif cost["energy_source"]:
        energy = say("cost.metered", energy=energy, source=cost["energy_source"])
    rows.append([say("cost.energy"), energy])
    header = [say("cost.run"), say("cost.time", device=cost["device"])]
    return _part("cost.title", table(header, rows))


def _run(name: str) -> Text:
    return name_of("run", name)


def licences_table(result: Result) -> Markup | None:
    """Whose licences the student is under, and what they ask for."""
    rows: list[list[Child]] = [
        [
            name_of("licence_of", licence["of"]),
            licence_name(licence),
            licence["licence"] or say("licence.none"),
            name_of("derivatives", licence["derivatives"]),
            _notes(licence),
        ]
        for licence in result["licences"]
    ]
    header = [say(f"licence.{column}") for column in ("of", "name", "licence", "derivatives", "notes")]
    return _part("licence.title", table(header, rows)) if rows else None


def _notes(licence: Licence) -> Text:
    asked: list[Text] = [*licence["notes"]]
    if licence["permission"]:
        asked.insert(0, say("licence.permitted", permission=licence["permission"]))
    return listed(asked, mark="list.semicolon") if asked else numbers.NONE


def _part(title: str, *content: Child) -> Markup:
    return element("section", element("h3", say(title)), *content)
