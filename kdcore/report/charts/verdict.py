"""The verdict as a line: the difference between both students with its interval, and where zero is."""

from __future__ import annotations

from kdcore.report import numbers
from kdcore.report.drawing import Drawing, style
from kdcore.report.language import say
from kdcore.report.markup import Markup
from kdcore.report.palette import light
from kdcore.report.reading import factor, metric_name
from kdcore.report.result import Result


def verdict_interval(result: Result) -> Markup | None:
    """The drawing; None without a student alone."""
    verdict, unit = result["verdict"], result["metric"]["unit"]
    if verdict["difference"] is None or verdict["interval"] is None:
        return None
    difference, (low, high) = factor(unit) * verdict["difference"], (factor(unit) * b for b in verdict["interval"])
    reach = 1.15 * max(abs(low), abs(high), 0.5 if unit == "%" else 1e-9)
    with style():
        drawn = Drawing("verdict", 4.6, 0.95)
        axes = drawn.axes
        axes.axvline(0, color=light("ink"), linewidth=1)
        axes.plot([low, high], [0, 0], color=light("student"), linewidth=5, alpha=0.45, solid_capstyle="butt")
        axes.plot([difference], [0], color=light("student"), marker="o", markersize=9)
        axes.set(xlim=(-reach, reach), ylim=(-1, 1), yticks=[])
        axes.xaxis.set_major_formatter(lambda value, _: numbers.signed(value) if unit == "%" else f"{value:+.2g}")
        axes.spines["left"].set_visible(False)
        drawn.axis(say("verdict.axis" if unit == "%" else "verdict.axis_plain", metric=metric_name(result)))
        return drawn.svg()
