"""For those who decide: one page in factory terms, filled with this job's figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kdcore.report import numbers
from kdcore.report.language import Both, Text, capital, listed, name_of, say
from kdcore.report.markup import Markup, element, join
from kdcore.report.reading import (
    changes_by,
    delivered,
    losers,
    metric_name,
    models_of,
    noun,
    part_name,
    score_of,
    test_examples,
)
from kdcore.report.recommendation import Risk, advice
from kdcore.report.result import Result

OLD_PC = 5
"""How many times slower than the machine that measured an old PC is taken to be: an assumption, and named as one."""

TERMS = (
    "teacher",
    "student",
    "distillation",
    "test",
    "interval",
    "parameters",
    "latency",
    "calibration",
    "onnx",
    "int8",
)


def plain(result: Result, risks: Sequence[Risk]) -> Markup:
    """What was done, what it means, what was checked, what is not known, what to do next, and ten words."""
    parts = (
        ("done", [say("plain.lead"), *_done(result)]),
        ("means", _means(result)),
        ("checked", _checked(result)),
        ("unknown", _unknown(result)),
        ("next", _next(result, risks)),
    )
    return element(
        "section",
        element("h2", say("section.plain")),
        element("div", *(_part(name, list(items)) for name, items in parts), class_="plain"),
        _glossary(),
        class_="page",
        id="plain",
    )


def _part(name: str, items: Sequence[Text]) -> Markup:
    listing = "ol" if name == "next" else "ul"
    body = element("p", items[0]) if len(items) == 1 else element(listing, *(element("li", item) for item in items))
    return element("div", element("h3", say(f"plain.{name}")), body)


def _done(result: Result) -> Iterator[Text]:
    models = models_of(result)
    student: dict[str, Text] = {"student": numbers.count(models["student"]["parameters"])}
    if "teacher" in models:
        yield say("plain.taught", teacher=numbers.count(models["teacher"]["parameters"]), **student)
    else:
        yield say("plain.untaught", **student)
    if "alone" in models:
        yield say("plain.compared")
    metric = metric_name(result)
    scores: list[Text] = [say("pair", name=part_name(part), value=score_of(result, part)) for part in models]
    yield say("plain.scores", metric=capital(metric), n=numbers.whole(test_examples(result)), scores=listed(scores))
    yield say(f"plain.{result['verdict']['outcome'].replace(' ', '_')}")


def _means(result: Result) -> Iterator[Text]:
    student = models_of(result)["student"]
    yield say("plain.offline")
    if student["latency_ms"] is not None:
        time = student["latency_ms"]["p50"]
        slow = OLD_PC * time
        facts: dict[str, Text] = {"time": numbers.milliseconds(time), "times": str(OLD_PC)}
        yield say("plain.speed", slow=numbers.milliseconds(slow), rate=numbers.rate(1000 / slow), **facts)
    else:
        yield say("plain.no_speed")
    sizes: list[Text] = [
        say("pair", name=export["name"], value=numbers.size(export["bytes"])) for export in delivered(result)
    ]
    if sizes:
        yield say("plain.files", files=listed(sizes))
    if student["memory_bytes"] is not None:
        yield say("plain.memory", memory=numbers.size(student["memory_bytes"]))


def _checked(result: Result) -> Iterator[Text]:
    yield say("plain.test", n=numbers.whole(test_examples(result)))
    good, tried = len(delivered(result)), len(result["exports"])
    yield say("plain.files_good" if good == tried else "plain.files_checked", good=str(good), all=str(tried))
    by_class = changes_by(result, "class")
    if by_class is not None:
        facts: dict[str, Text] = {"n": str(len(by_class["parts"])), "noun": noun(result, many=True)}
        yield say("plain.classes", losing=str(len(losers(result, by_class))), **facts)
    if result["robustness"] is not None:
        yield say("plain.disturbed", kinds=_kinds(result))
    if models_of(result)["student"]["calibration_error"] is not None:
        error = numbers.percent(models_of(result)["student"]["calibration_error"])
        yield say("plain.confidence", error=error)


def _kinds(result: Result) -> Both:
    rows = result["robustness"]["rows"] if result["robustness"] is not None else []
    return listed([name_of("corruption", name) for name in dict.fromkeys(row["name"] for row in rows)])


def _unknown(result: Result) -> Iterator[Text]:
    yield say("plain.unknown_site")
    yield say("plain.unknown_device")
    yield say("plain.unknown_seed")
    if result["robustness"] is None:
        yield say("plain.unknown_disturbed")
    if "alone" not in result["models"]:
        yield say("plain.unknown_gain")
    if "teacher" not in result["models"]:
        yield say("plain.unknown_loss")


def _next(result: Result, risks: Sequence[Risk]) -> Iterator[Text]:
    if advice(list(risks)) == "do not":
        yield say("plain.next_stop")
        yield say("plain.next_again")
        return
    yield say("plain.next_limit", metric=metric_name(result), score=score_of(result, "student"))
    yield say("plain.next_pilot")
    yield say("plain.next_measure")
    yield say("plain.next_invest")


def _glossary() -> Markup:
    rows = [join([element("dt", say(f"term.{term}")), element("dd", say(f"term.{term}_is"))]) for term in TERMS]
    return element("div", element("h3", say("plain.words")), element("dl", *rows), class_="glossary")
