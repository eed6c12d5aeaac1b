"""What every part of the page reads from a result in the same way: networks, names, units, classes and groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from kdcore.measure.documents import Change, Changes
from kdcore.report import numbers
from kdcore.report.language import Both, Text, name_of, say
from kdcore.report.result import ExportFigures, ModelFigures, Result

PART_LOSS = 0.03
PARTS = ("teacher", "alone", "student")


def models_of(result: Result) -> dict[str, ModelFigures]:
    """The networks that were measured, teacher first."""
    found: dict[str, Any] = dict(result["models"])
    return {part: found[part] for part in PARTS if part in found}


def part_name(part: str) -> Text:
    """``Teacher``, ``Student alone`` or ``Distilled student``."""
    return name_of("part", part)


def rival_of(result: Result) -> str | None:
    """Whom the student is measured against: its teacher, else itself alone."""
    return next((part for part in ("teacher", "alone") if part in result["models"]), None)


def metric_name(result: Result, name: str | None = None) -> Text:
    """A figure of the task in words; the deciding one when ``name`` is left out."""
    return name_of("metric", name or result["metric"]["name"])


@dataclass(frozen=True)
class Figure:
    """What is measured of each class or group: its name, its unit, and its direction."""

    name: Text
    unit: str
    higher_is_better: bool


def figure_by(result: Result, by: str) -> Figure:
    """Groups are judged by the deciding figure, classes by their own; explained variance may be below zero."""
    if by == "group":
        return Figure(metric_name(result), result["metric"]["unit"], result["metric"]["higher_is_better"])
    name = result["metric"]["by_class"]
    return Figure(name_of("by_class", name), "" if name == "R²" else "%", higher_is_better=True)


def noun(result: Result, by: str = "class", *, many: bool = False) -> Both:
    """What the parts are that figures are taken by: one of them, or several."""
    kind = by if by == "group" else _CLASSES.get(result["metric"]["task"], "class")
    return say(f"nouns.{kind}" if many else f"noun.{kind}")


_CLASSES = {"regression": "target", "multilabel": "label"}


def factor(unit: str) -> int:
    """What a figure is multiplied by where it is drawn."""
    return 100 if unit == "%" else 1


def axis_of(what: Text, unit: str) -> Text:
    """An axis' name with its unit."""
    return say("axis.unit", what=what, unit=unit) if unit else what


def changes_by(result: Result, by: Literal["class", "group"]) -> Changes | None:
    """Who pays, as it was measured; by class also where only the classes' own figures are there."""
    found = next((changes for changes in result["changes"] if changes["by"] == by), None)
    return found if found is not None or by == "group" else _plain_changes(result)


def _plain_changes(result: Result) -> Changes | None:
    """Differences of the classes' figures, without intervals: nothing of them is called notable."""
    parts = [_plain_change(result, index) for index in range(len(result["models"]["student"]["per_class"]))]
    if len(parts) < 2 or rival_of(result) is None:
        return None
    return Changes(by="class", parts=parts, worst=[], spread={}, interval=None, outcome="unclear", left_out=0)


def _plain_change(result: Result, index: int) -> Change:
    models = models_of(result)
    values = {part: model["per_class"][index]["value"] for part, model in models.items()}
    entry = models["student"]["per_class"][index]
    return Change(
        name=entry["name"],
        examples=entry["examples"],
        values=values,
        change=_minus(values.get("student"), values.get("teacher")),
        from_alone=_minus(values.get("student"), values.get("alone")),
        interval=None,
        notable=False,
    )


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def change_of(result: Result, part: Change) -> float | None:
    """What differs there between the student and its rival."""
    return part["change"] if rival_of(result) == "teacher" else part["from_alone"]


def losers(result: Result, changes: Changes | None) -> list[Change]:
    """Parts that lose beyond chance, or ``PART_LOSS`` where chance cannot be told; the largest loss first."""
    if changes is None:
        return []
    figure = figure_by(result, changes["by"])
    losses = [(loss_of(result, part, figure), part) for part in changes["parts"]]
    return [part for loss, part in sorted(losses, key=lambda entry: -entry[0]) if _loses(part, loss, figure)]


def loss_of(result: Result, part: Change, figure: Figure) -> float:
    """What the student lost there, so that more is worse; 0 where nothing is known."""
    change = change_of(result, part) or 0.0
    return -change if figure.higher_is_better else change


def _loses(part: Change, loss: float, figure: Figure) -> bool:
    if part["interval"] is not None:
        return part["notable"] and loss > 0
    return figure.unit == "%" and loss >= PART_LOSS


def test_examples(result: Result) -> int:
    """How many examples the figures rest on."""
    return int(result["dataset"]["splits"]["test"])


def delivered(result: Result) -> list[ExportFigures]:
    """Files that passed their check."""
    return [export for export in result["exports"] if export["verified"]]


def score_of(result: Result, part: str) -> str:
    """A network's deciding figure with its unit."""
    return numbers.figure(models_of(result)[part]["score"], result["metric"]["unit"])
