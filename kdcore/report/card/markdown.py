"""Markdown (CommonMark with GitHub's tables) in which no text can be anything but text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kdcore.report.language import Text, both

_MARKS = re.compile(r"([\\`*_\[\]<>|~&$#])")


def en(text: Text) -> str:
    """The English of a sentence of the report."""
    return both(text).en


def plain(text: Text) -> str:
    """Text on one line, with nothing in it that Markdown or HTML would read; never put at the beginning of a line."""
    return _MARKS.sub(r"\\\1", " ".join(en(text).split()))


def table(header: Sequence[Text], rows: Sequence[Sequence[Text]]) -> str:
    """A table of plain texts; every row has as many cells as the header."""
    lines = [header, *rows]
    drawn = ["| " + " | ".join(plain(cell) or " " for cell in line) + " |" for line in lines]
    return "\n".join([drawn[0], "|" + "---|" * len(header), *drawn[1:]])


def bullets(items: Sequence[str]) -> str:
    """A list of items that are Markdown already."""
    return "\n".join(f"- {item}" for item in items)


def code(lines: Sequence[str], language: str = "python") -> str:
    """A block of our own code; no text of a user goes into one."""
    return "\n".join([f"```{language}", *lines, "```"])


def section(title: str, *parts: str) -> str:
    """A heading of ours with what stands under it; parts that are empty are left out."""
    return "\n\n".join([f"## {title}", *(part for part in parts if part)])
