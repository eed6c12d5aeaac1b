"""Matplotlib figures as inline SVG: text stays text, colours follow the page, nothing points outside."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from kdcore.report.language import Both, Text, both
from kdcore.report.markup import Markup, in_both
from kdcore.report.palette import follow_page, light

WIDTH, HEIGHT = 5.4, 2.9
"""Inches of a usual drawing; the page stretches it to its column."""


@contextmanager
def style() -> Iterator[None]:
    """The house style for figures that are made inside the block."""
    import matplotlib

    with matplotlib.rc_context(_settings()), warnings.catch_warnings():
        # Names may be in any script: the reader's fonts draw them, not ours.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
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
        "axes.titlecolor": light("muted"),
        "axes.titlelocation": "left",
        "axes.titlesize": 9,
        "axes.labelsize": 9,
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
        "figure.facecolor": "none",
        "axes.facecolor": "none",
    }


class Drawing:
    """A figure with its axes, and the words in it that are there in two languages.

    Args:
        name: keeps its ids apart from other drawings on the page; the element ``{name}-title`` of the page names it.
        width, height: inches.
        columns, rows: of axes; all of them share their limits where ``alike``.
    """

    def __init__(
        self, name: str, width: float = WIDTH, height: float = HEIGHT, *, columns: int = 1, rows: int = 1,
        alike: bool = True,
    ) -> None:  # fmt: skip
        from matplotlib.figure import Figure

        self.name = name
        self.figure: Any = Figure(figsize=(width, height), layout="constrained")
        grid = self.figure.subplots(rows, columns, squeeze=False, sharex=alike, sharey=alike)
        self.all_axes: list[Any] = list(grid.flat)
        self.axes: Any = self.all_axes[0]
        self._words: list[Both] = []

    def write(self, artist: Any, text: Text) -> None:
        """Let a text artist say this."""
        words = both(text)
        artist.set_text(words.en)
        if words.en != words.ja:
            artist.set_gid(f"words{len(self._words)}")
            self._words.append(words)

    def axis(self, x: Text | None = None, y: Text | None = None, *, axes: Any = None) -> None:
        """Name the axes: x below, y above its end, where it can be read without turning the head."""
        axes = axes or self.axes
        if x is not None:
            self.write(axes.xaxis.label, x)
        if y is not None:
            self.write(axes.set_title(" "), y)

    def ticks(self, axis: Any, places: list[float], texts: list[Text]) -> None:
        """Marks of an axis at these places."""
        axis.set_ticks(places)
        axis.set_ticklabels([both(text).en for text in texts])
        for label, text in zip(axis.get_ticklabels(), texts, strict=True):
            self.write(label, text)

    def svg(self) -> Markup:
        """The figure as an ``<svg>`` element."""
        import matplotlib

        target = io.StringIO()
        with matplotlib.rc_context({"svg.hashsalt": self.name, "svg.fonttype": "none"}):
            metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
            self.figure.savefig(target, format="svg", metadata=metadata)
        text = self._translated(target.getvalue())
        return Markup(follow_page(_named(_slim(_own(text, self.name)), self.name)))

    def _translated(self, text: str) -> str:
        def put(found: re.Match[str]) -> str:
            return f"<g>{found[2]}{in_both(self._words[int(found[1])], 'tspan')}</text></g>"

        return re.sub(r'<g id="words(\d+)">\s*(<text [^>]*>)[^<]*</text>\s*</g>', put, text)


def _own(text: str, name: str) -> str:
    """Only the element, and its ids under its own name."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r"\bid=\"", f'id="{name}-', text)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)


def _slim(text: str) -> str:
    """Without what no reader sees: ids that nothing refers to, and hundredths of a point."""
    wanted = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in wanted else "", text)
    text = re.sub(r"(?<= )(?:d|x|y|points|transform)=\"[^\"]*\"", _rounded, text)
    return re.sub(r">\s+<", "><", text)


def _rounded(found: re.Match[str]) -> str:
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), found[0])


def _named(text: str, name: str) -> str:
    text = re.sub(r"font: ?([^;\"]*?)([\d.]+)px [^;\"]*", r"font: \1\2px var(--font)", text)
    label = f' role="img" aria-labelledby="{escape(name)}-title"'
    opening = re.sub(r' (width|height)="[^"]*pt"', "", text[: text.index(">")])
    return opening + label + text[text.index(">") :]
