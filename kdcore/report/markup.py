"""HTML built from elements: whatever is not markup already is escaped on its way in."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is HTML and must not be escaped again; only this module and drawings make it."""

    __slots__ = ()


Child = str | Markup | None


def element(name: str, *children: Child, **attributes: str | None) -> Markup:
    """``<name attributes>children</name>``; None is left out, ``class_`` stands for ``class``, ``_`` for ``-``."""
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    opening = "".join(f' {key}="{escape(value)}"' for key, value in pairs)
    return Markup(f"<{name}{opening}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """Children one after the other."""
    return Markup("".join(_text(child) for child in children if child is not None))


def _text(child: str) -> str:
    return child if isinstance(child, Markup) else escape(child)


def table(header: Iterable[Child], rows: Iterable[Iterable[Child]], *, class_: str = "") -> Markup:
    """A table whose first column names the rows; it scrolls by itself where the page is narrow."""
    head = element("thead", element("tr", *(element("th", cell, scope="col") for cell in header)))
    body = element("tbody", *(_row(list(row)) for row in rows))
    return element("div", element("table", head, body, class_=class_ or None), class_="scroll")


def _row(cells: list[Child]) -> Markup:
    first = element("th", cells[0], scope="row")
    return element("tr", first, *(element("td", cell) for cell in cells[1:]))
