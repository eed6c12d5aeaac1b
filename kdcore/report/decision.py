"""The first screen: what is recommended and why, what is kept, what it costs, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kdcore.report import numbers
from kdcore.report.charts.verdict import verdict_interval
from kdcore.report.hazards import kept_at_worst
from kdcore.report.language import Both, Text, capital, listed, name_of, say
from kdcore.report.markup import Markup, element, join
from kdcore.report.reading import metric_name, models_of, score_of, test_examples
from kdcore.report.recommendation import ORDER, Risk, advice
from kdcore.report.result import ModelFigures, Result

TONES = {"deploy": ("good", "✓"), "pilot": ("care", "!"), "do not": ("bad", "✕")}
"""Advice -> tone and icon; colour never speaks alone."""

OUTCOMES = {
    "better": ("good", "✓"),
    "no difference": ("even", "="),
    "worse": ("bad", "✕"),
    "no baseline": ("even", "?"),
}
SIGNS = {"stop": ("bad", "✕"), "caution": ("care", "!"), "note": ("even", "i")}


def decision(result: Result, risks: Sequence[Risk]) -> Markup:
    """Headline, recommendation, verdict, four figures and the risks."""
    return element(
        "section",
        element("p", say("page.kind"), class_="eyebrow"),
        element("h1", result["name"]),
        element("p", _who(result), class_="who"),
        _advised(result, risks),
        element("div", *_cards(result), class_="cards"),
        _verdict(result),
        _told(risks),
        class_="decision",
        id="decision",
    )


def _who(result: Result) -> Both:
    models = models_of(result)
    student = models["student"]["architecture"]
    taught: Text = student
    if "teacher" in models:
        taught = say("page.teaches", teacher=models["teacher"]["architecture"], student=student)
    parts = [taught, name_of("task", result["metric"]["task"]), say("page.method", method=result["method"])]
    data = result["dataset"].get("name")
    return listed([*parts, *([say("page.data", data=str(data))] if data else [])], mark="list.dot")


def _advised(result: Result, risks: Sequence[Risk]) -> Markup:
    found = advice(list(risks))
    tone, icon = TONES[found]
    key = found.replace(" ", "_")
    sign = element("span", icon, class_="icon", aria_hidden="true")
    return element(
        "div",
        element("p", say("advice.title"), class_="eyebrow"),
        element("p", sign, say(f"advice.{key}"), class_="outcome"),
        element("p", why(result, risks), class_="grounds"),
        class_=f"advice {tone}",
    )


def why(result: Result, risks: Sequence[Risk]) -> Both:
    """One sentence behind the recommendation."""
    found = advice(list(risks))
    deciding = [risk for risk in risks if risk.level == ("stop" if found == "do not" else "caution")]
    facts = {"metric": metric_name(result), "score": score_of(result, "student")}
    if not deciding:
        return say("advice.deploy_why", **facts)
    heads = listed([risk.what for risk in deciding[:3]], mark="list.semicolon")
    more = say("advice.more", n=str(len(deciding) - 3)) if len(deciding) > 3 else ""
    return say(f"advice.{found.replace(' ', '_')}_why", heads=heads, more=more, **facts)


def _verdict(result: Result) -> Markup:
    tone, icon = OUTCOMES[result["verdict"]["outcome"]]
    sign = element("span", icon, class_=f"icon {tone}", aria_hidden="true")
    head = element("h2", sign, say(f"outcome.{result['verdict']['outcome'].replace(' ', '_')}"), id="verdict-title")
    return element(
        "div",
        element("div", head, element("p", verdict_sentence(result))),
        verdict_interval(result),
        class_="verdict",
    )


def verdict_sentence(result: Result) -> Both:
    """The verdict in one or two sentences, of its own figures."""
    verdict, unit = result["verdict"], result["metric"]["unit"]
    facts: dict[str, Text] = {
        "metric": metric_name(result),
        "n": numbers.whole(test_examples(result)),
        "own": score_of(result, "student"),
    }
    if verdict["difference"] is None or verdict["interval"] is None:
        return say("verdict.no_baseline", **facts)
    low, high = (numbers.difference(bound, unit) for bound in verdict["interval"])
    less = "" if result["metric"]["higher_is_better"] else say("verdict.less_is_better")
    facts |= {"alone": score_of(result, "alone"), "change": numbers.difference(verdict["difference"], unit)}
    facts |= {"sure": numbers.percent(verdict["confidence"], 0), "low": low, "high": high, "less": less}
    return say(f"verdict.{verdict['outcome'].replace(' ', '_')}", **facts)


def _cards(result: Result) -> Iterator[Markup]:
    models = models_of(result)
    student, teacher = models["student"], models.get("teacher")
    yield _card(*_score(result, student, teacher))
    yield _card(say("card.size"), *_size(student, teacher))
    yield _card(say("card.speed"), *_speed(student, teacher))
    yield _card(say("card.gap"), *_gap(result, models))


def _card(title: Text, figure: Text, note: Text) -> Markup:
    head, body = element("h2", title), element("p", figure, class_="figure")
    return element("div", head, body, element("p", note, class_="note"), class_="card")


def _score(result: Result, student: ModelFigures, teacher: ModelFigures | None) -> tuple[Text, Text, Text]:
    """Title, figure and note: of a score the share of the teacher's that is kept, of an error the error itself."""
    unit, metric = result["metric"]["unit"], metric_name(result)
    own = {"own": score_of(result, "student"), "interval": numbers.interval(student["interval"], unit)}
    own["n"] = numbers.whole(test_examples(result))
    if teacher is None:
        return capital(metric), own["own"], say("card.score_plain", **own)
    own["teacher"] = score_of(result, "teacher")
    if not result["metric"]["higher_is_better"]:
        return capital(metric), own["own"], say("card.score_error", **own)
    least = numbers.percent(kept_at_worst(result))
    kept = say("card.kept", metric=metric)
    return capital(kept), numbers.percent(result["score_kept"]), say("card.score", least=least, **own)


def _size(student: ModelFigures, teacher: ModelFigures | None) -> tuple[Text, Text]:
    own = {"own": numbers.count(student["parameters"]), "file": numbers.size(student["bytes"])}
    if teacher is None or not teacher["parameters"] or not student["parameters"]:
        return say("card.parameters", **own), say("card.file", **own)
    other = {"teacher": numbers.count(teacher["parameters"]), "teachers_file": numbers.size(teacher["bytes"])}
    return _ratio(teacher["parameters"] / student["parameters"], "smaller", "larger"), say("card.sizes", **own, **other)


def _speed(student: ModelFigures, teacher: ModelFigures | None) -> tuple[Text, Text]:
    own = student["latency_ms"]
    if own is None:
        return numbers.NONE, say("card.no_speed")
    facts = {"own": numbers.milliseconds(own["p50"]), "batch": str(own["batch"]), "threads": str(own["threads"])}
    other = teacher["latency_ms"] if teacher is not None else None
    if other is None:
        return facts["own"], say("card.time", **facts)
    figure = _ratio(other["p50"] / own["p50"], "faster", "slower")
    return figure, say("card.times", teacher=numbers.milliseconds(other["p50"]), **facts)


def _ratio(ratio: float, more: str, less: str) -> Both:
    kind, times = (more, ratio) if ratio >= 1 else (less, 1 / ratio)
    return say(f"ratio.{kind}", n=numbers.times(times))


def _gap(result: Result, models: dict[str, ModelFigures]) -> tuple[Text, Text]:
    share, unit = result["gap_closed"], result["metric"]["unit"]
    if share is not None:
        gap = abs(models["teacher"]["score"] - models["alone"]["score"])
        size = numbers.distance(gap, unit)
        chance = result["verdict"]["outcome"] == "no difference"
        return numbers.percent(share, 0), say("card.gap_chance" if chance else "card.gap_of", gap=size)
    if "alone" not in models or "teacher" not in models:
        return numbers.NONE, say("card.gap_needs")
    return numbers.NONE, say("card.no_gap")


def _told(risks: Sequence[Risk]) -> Markup | None:
    """Every risk, the gravest first; what the icon says stands in words for those who do not see it."""
    if not risks:
        return None
    items = [_item(risk) for level in ORDER for risk in risks if risk.level == level]
    return element("div", element("h2", say("risk.title")), element("ul", *items), class_="watch")


def _item(risk: Risk) -> Markup:
    tone, icon = SIGNS[risk.level]
    level = element("span", say(f"level.{risk.level}"), class_="unseen")
    sign = join([element("span", icon, class_=f"sign {tone}", aria_hidden="true"), level])
    return element("li", sign, element("span", element("strong", risk.what), say("risk.joint"), risk.detail))
