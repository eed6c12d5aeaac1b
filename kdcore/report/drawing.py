"""Matplotlib figures as inline SVG: text stays text, colours follow the page, nothing points outside."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from kdcore.report.markup import Markup
from kdcore.report.palette import follow_page, light


@contextmanager
def style() -> Iterator[None]:
    """The house style for figures that are made inside the block."""
    import matplotlib

    with matplotlib.rc_context(_settings()):
        yield


def _settings() -> Any:
    return {
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        # A dollar sign in a name is a dollar sign.
        "text.parse_math": False,
        "text.color": light("ink"),
        "axes.labelcolor": light("muted"),
        "axes.edgecolor": light("line"),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": light("line"),
        "grid.linewidth": 0.6,
        "xtick.color": light("muted"),
        "ytick.color": light("muted"),
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
    }


def figure(width: float, height: float) -> tuple[Any, Any]:
    """A figure of so many inches and its axes; no global state of pyplot is touched."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width, height), layout="constrained")
    return drawn, drawn.subplots()


def svg(drawn: Any, name: str, description: str) -> Markup:
    """The figure as an ``<svg>`` element; ``name`` keeps its ids apart from other drawings on the page."""
    import matplotlib

    target = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        drawn.savefig(target, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = target.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r"\bid=\"", f'id="{name}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"font: ?([^;\"]*?)([\d.]+)px [^;\"]*", r"font: \1\2px var(--font)", text)
    label = f' role="img" aria-label="{escape(description)}"'
    opening = re.sub(r' (width|height)="[^"]*pt"', "", text[: text.index(">")])
    return Markup(follow_page(opening + label + text[text.index(">") :]))
