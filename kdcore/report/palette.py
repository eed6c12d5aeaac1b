"""One colour for one thing, on light and on dark ground; plots draw with the light ones and follow the page."""

from __future__ import annotations

COLOURS: dict[str, tuple[str, str]] = {
    "ground": ("#fdfdfe", "#14171c"),
    "panel": ("#f5f6f8", "#1c2027"),
    "line": ("#dde0e6", "#343a45"),
    "ink": ("#1b1f27", "#eceef2"),
    "muted": ("#5a6270", "#a4acb9"),
    "teacher": ("#6f7681", "#a0a7b3"),
    "alone": ("#d9660a", "#f0a04b"),
    "student": ("#0a6cb0", "#5ab2ec"),
    "good": ("#0b7a56", "#3fc896"),
    "bad": ("#b3361b", "#f28b70"),
    "care": ("#8a5a00", "#f0c05a"),
    "even": ("#5a6271", "#a4acba"),
    # Loss terms: what the Okabe-Ito palette leaves beside the roles' own blue and orange.
    "term1": ("#009e73", "#2fc79b"),
    "term2": ("#cc79a7", "#e3a0c4"),
    "term3": ("#b8860b", "#e6c229"),
    "term4": ("#56b4e9", "#86cdf5"),
    "term5": ("#7a4fa3", "#b795da"),
}
"""Name -> light and dark; no light value is used twice, because plots are recoloured by value."""

TERMS = [name for name in COLOURS if name.startswith("term")]


def light(name: str) -> str:
    """The hexadecimal colour that plots are drawn with."""
    return COLOURS[name][0]


def variables(shade: int) -> str:
    """Custom properties of CSS for one shade: 0 light, 1 dark."""
    return " ".join(f"--{name}: {shades[shade]};" for name, shades in COLOURS.items())


def hues() -> str:
    """Rules of CSS that colour the signs of charts' keys."""
    names = [name for name in COLOURS if name not in {"ground", "panel", "line"}]
    return " ".join(f".key .{name}, .swatch.{name} {{ color: var(--{name}); }}" for name in names)


def follow_page(svg: str) -> str:
    """Replace the fixed colours of a drawing by the page's own, so that it turns dark with it."""
    for name, (value, _) in COLOURS.items():
        svg = svg.replace(value, f"var(--{name})")
    return svg
