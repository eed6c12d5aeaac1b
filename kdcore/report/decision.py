"""The first screen: what was decided, what is kept, what it costs, and what to watch."""

from __future__ import annotations

from collections.abc import Iterator

from kdcore.report import numbers
from kdcore.report.charts import class_changes, models_of, verdict_interval
from kdcore.report.insight import remarks
from kdcore.report.markup import Markup, element, join
from kdcore.report.result import ModelFigures, Result

OUTCOMES = {
    "better": ("good", "✓", "Better than the same student alone"),
    "no difference": ("even", "=", "No difference from the same student alone"),
    "worse": ("bad", "✕", "Worse than the same student alone"),
    "no baseline": ("even", "?", "Not compared with the student alone"),
}
"""Outcome -> tone, icon and words; colour never speaks alone."""

NOTABLE_CLASS_LOSS = 0.03
SMALL_TEST = 1000


def decision(result: Result) -> Markup:
    """Headline, verdict, four figures and the points to watch."""
    return element(
        "section",
        element("p", "Distillation report", class_="eyebrow"),
        element("h1", result["name"]),
        element("p", _who(result), class_="who"),
        _verdict(result),
        element("div", *_cards(result), class_="cards"),
        _watch(result),
        class_="decision",
    )


def _who(result: Result) -> str:
    models = models_of(result)
    student = models["student"]["architecture"]
    taught = f"{models['teacher']['architecture']} teaches {student}" if "teacher" in models else student
    data = result["dataset"].get("name")
    return " · ".join([taught, f"method {result['method']}", *([f"data {data}"] if data else [])])


def _verdict(result: Result) -> Markup:
    verdict = result["verdict"]
    tone, icon, words = OUTCOMES[verdict["outcome"]]
    return element(
        "div",
        element("p", element("span", icon, class_="icon", aria_hidden="true"), words, class_=f"outcome {tone}"),
        element("div", element("p", verdict["text"]), verdict_interval(result), class_="grounds"),
        class_=f"verdict {tone}",
    )


def _cards(result: Result) -> Iterator[Markup]:
    models = models_of(result)
    student, teacher = models["student"], models.get("teacher")
    yield _card("Accuracy kept", *_accuracy(result, student, teacher))
    yield _card("Size", *_size(student, teacher))
    yield _card("Speed", *_speed(student, teacher))
    yield _card("Gap closed", *_gap(result, models))


def _card(title: str, figure: str, note: str) -> Markup:
    return element(
        "div",
        element("h2", title),
        element("p", figure, class_="figure"),
        element("p", note, class_="note"),
        class_="card",
    )


def _accuracy(result: Result, student: ModelFigures, teacher: ModelFigures | None) -> tuple[str, str]:
    own = f"{numbers.percent(student['accuracy'])} on the test split ({numbers.between(student['interval'])})"
    if teacher is None:
        return numbers.percent(student["accuracy"]), own
    return numbers.percent(result["accuracy_kept"]), f"{own}; the teacher {numbers.percent(teacher['accuracy'])}"


def _size(student: ModelFigures, teacher: ModelFigures | None) -> tuple[str, str]:
    own = f"{numbers.count(student['parameters'])} parameters"
    if teacher is None:
        return own, f"file {numbers.size(student['bytes'])}"
    return (
        _ratio(teacher["parameters"] / student["parameters"], "smaller", "larger"),
        f"{own} against {numbers.count(teacher['parameters'])}; "
        f"file {numbers.size(student['bytes'])} against {numbers.size(teacher['bytes'])}",
    )


def _speed(student: ModelFigures, teacher: ModelFigures | None) -> tuple[str, str]:
    own = student["latency_ms"]
    if own is None:
        return numbers.NONE, "not measured: no ONNX file was made"
    how = f"at the median (batch {own['batch']}, CPU threads: {own['threads']})"
    other = teacher["latency_ms"] if teacher is not None else None
    if other is None:
        return numbers.milliseconds(own["p50"]), how
    figure = _ratio(other["p50"] / own["p50"], "faster", "slower")
    return figure, f"{numbers.milliseconds(own['p50'])} against {numbers.milliseconds(other['p50'])} {how}"


def _ratio(ratio: float, more: str, less: str) -> str:
    return f"{numbers.times(ratio)} {more}" if ratio >= 1 else f"{numbers.times(1 / ratio)} {less}"


def _gap(result: Result, models: dict[str, ModelFigures]) -> tuple[str, str]:
    share = result["gap_closed"]
    if share is not None:
        gap = models["teacher"]["accuracy"] - models["alone"]["accuracy"]
        chance = "; it may be chance" if result["verdict"]["outcome"] == "no difference" else ""
        return numbers.percent(
            share, 0
        ), f"of the {100 * gap:.1f} points by which the teacher leads the student alone{chance}"
    if "alone" not in models or "teacher" not in models:
        return numbers.NONE, "needs a teacher and a student trained alone"
    return numbers.NONE, "no gap: the teacher is not ahead of the student alone"


def _watch(result: Result) -> Markup | None:
    points = list(_points_to_watch(result))
    return element("div", element("h2", "What to watch"), element("ul", *points), class_="watch") if points else None


def _points_to_watch(result: Result) -> Iterator[Markup]:
    for export in result["exports"]:
        if not export["verified"]:
            yield _point(f"{export['name']} was withheld", export["reason"] or "no reason was recorded")
    yield from _worst_class(result)
    yield from (_point(what, detail) for what, detail in remarks(result))
    for warning in result["warnings"]:
        yield _point("Warning of the plan", str(warning.get("message", warning)))
    examples = sum(entry["examples"] for entry in result["models"]["student"]["per_class"])
    if examples < SMALL_TEST:
        yield _point(
            "Few test examples",
            f"all figures rest on {examples:,}; differences smaller than the interval are chance.",
        )
    if result["verdict"]["interval"] is not None:
        yield _point(
            "One training run of each student",
            "the interval covers the choice of test examples, not the luck of the seed.",
        )


def _point(what: str, detail: str) -> Markup:
    return element("li", element("strong", f"{what}: "), detail)


def _worst_class(result: Result) -> Iterator[Markup]:
    models = models_of(result)
    if "teacher" not in models:
        return
    changes = class_changes(models["teacher"], models["student"])
    index, change = min(changes, key=lambda entry: entry[1], default=(0, 0.0))
    if change > -NOTABLE_CLASS_LOSS:
        return
    before, after = (models[role]["per_class"][index] for role in ("teacher", "student"))
    detail = (
        f"recall {numbers.percent(after['recall'])}, the teacher’s {numbers.percent(before['recall'])} "
        f"({numbers.points(change)}, {after['examples']:,} examples)."
    )
    yield _point(f"Class “{after['name']}” loses most", detail)


def swatch(role: str) -> Markup:
    """A short line in the colour and stroke that stand for a network everywhere."""
    return join([element("span", class_=f"swatch {role}", aria_hidden="true")])
