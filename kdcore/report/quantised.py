"""The int8 file with and without quantisation-aware training, below the delivered files."""

from __future__ import annotations

from kdcore.report import numbers
from kdcore.report.language import say
from kdcore.report.markup import Child, Markup, element, table
from kdcore.report.reading import metric_name
from kdcore.report.result import Result


def quantised_table(result: Result) -> Markup | None:
    """The student before and after its epochs as int8, each in float and in int8, and the difference of the files."""
    found, unit = result["quantisation"], result["metric"]["unit"]
    if found is None:
        return None
    stages = (("before", found["before"]), ("after", found["after"]))
    rows: list[list[Child]] = [
        [say(f"quantised.{name}"), numbers.figure(own["as_float"], unit), numbers.figure(own["as_int8"], unit)]
        for name, own in stages
    ]
    note = say(
        "quantised.note",
        epochs=str(found["epochs"]),
        n=numbers.whole(found["examples"]),
        metric=metric_name(result, found["metric"]),
        change=numbers.difference(found["change"], unit),
        low=numbers.difference(found["interval"][0], unit),
        high=numbers.difference(found["interval"][1], unit),
    )
    header = [say(f"quantised.{column}") for column in ("student", "float", "int8")]
    title = element("h3", say("quantised.title"))
    return element("section", title, table(header, rows), element("p", note, class_="note"))
