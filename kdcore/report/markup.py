"""HTML built from elements: whatever is not markup already is escaped on its way in."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from kdcore.report.language import LANGUAGES, Both


class Markup(str):
    """Text that is HTML and must not be escaped again; only this module and drawings make it."""

    __slots__ = ()


Child = str | Markup | Both | None


def element(name: str, *children: Child, **attributes: str | None) -> Markup:
    """``<name attributes>children</name>``; None is left out, ``class_`` stands for ``class``, ``_`` for ``-``."""
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    opening = "".join(f' {key}="{escape(value)}"' for key, value in pairs)
    return Markup(f"<{name}{opening}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """Children one after the other."""
    return Markup("".join(_text(child) for child in children if child is not None))


def _text(child: str | Both) -> str:
    if isinstance(child, Both):
        return in_both(child, "span")
    return child if isinstance(child, Markup) else escape(child)


def in_both(text: Both, name: str) -> str:
    """Both languages in elements of a name, of which the page's style shows one; once where they are the same."""
    if text.en == text.ja:
        return escape(text.en)
    return "".join(f'<{name} lang="{language}">{escape(text.of(language))}</{name}>' for language in LANGUAGES)


def table(header: Iterable[Child], rows: Iterable[Iterable[Child]], *, class_: str = "") -> Markup:
    """A table whose first column names the rows; it scrolls by itself where the page is narrow."""
    head = element("thead", element("tr", *(element("th", cell, scope="col") for cell in header)))
    body = element("tbody", *(_row(list(row)) for row in rows))
    whole = element("table", head, body, class_=class_ or None)
    return element("div", whole, class_="scroll", tabindex="0")


def _row(cells: list[Child]) -> Markup:
    first = element("th", cells[0], scope="row")
    return element("tr", first, *(element("td", cell) for cell in cells[1:]))
