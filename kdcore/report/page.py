"""``report.html``: one page that stands alone, on screen, on paper and in a sandbox.

It holds English and Japanese; two radio buttons choose, and no script.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from kdcore.report.curves import Record
from kdcore.report.decision import decision
from kdcore.report.evidence import evidence
from kdcore.report.language import say
from kdcore.report.making import making
from kdcore.report.markup import Markup, element, join
from kdcore.report.palette import hues, variables
from kdcore.report.plain import plain
from kdcore.report.recommendation import risks
from kdcore.report.result import Result


def render(result: Result, history: Sequence[Record], path: Path, *, spec: str = "") -> Path:
    """Write the page for a result to ``path``.

    Args:
        result: as ``build_result`` gives it, or as it stands in ``result.json``.
        history: metric records ``{"run", "stage", "split", "step", "epoch", "values"}`` of all runs, in order.
        path: where to write.
        spec: the spec's YAML text, shown as it is.
    """
    found = risks(result)
    page = Template(_file("report.html")).substitute(
        title=escape(result["name"]),
        style=Template(_file("report.css")).substitute(light=variables(0), dark=variables(1), hues=hues()),
        contents=_contents(),
        decision=decision(result, found),
        plain=plain(result, found),
        evidence=evidence(result, history),
        making=making(result, spec),
        footer=join([say("page.footer")]),
    )
    path.write_text(page, encoding="utf-8")
    return path


def _contents() -> Markup:
    """Links to the page's parts."""
    names = ("decision", "plain", "models", "files", "gained", "making")
    return element("nav", *(element("a", say(f"contents.{name}"), href=f"#{name}") for name in names))


def _file(name: str) -> str:
    return files("kdcore.report").joinpath(name).read_text(encoding="utf-8")
