"""The methods' pages in ``docs/methods``, written from the table of presets: ``python -m kdcore.spec.pages FOLDER``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdcore.spec.presets import MethodInfo, methods

REMARK = "<!-- Written by `make pages` from the table of methods: change kdcore/spec/presets instead. -->"


def pages() -> dict[str, str]:
    """Every page by its file name, the list of all methods first."""
    found = methods()
    return {"README.md": _list(found), **{f"{info.name}.md": _page(info) for info in found}}


def _list(found: list[MethodInfo]) -> str:
    rows = [
        f"| [{info.name}]({info.name}.md) | {info.title} | {info.paper or '–'} | {info.summary} |" for info in found
    ]
    head = ["# Methods", "", REMARK, "", "| name | method | source | what it does |", "|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def _page(info: MethodInfo) -> str:
    parts = [f"# {info.title} (`{info.name}`)", REMARK, info.summary]
    if info.paper:
        parts.append(f"Source: {info.paper}")
    needs = ", ".join(info.needs) or "no teacher"
    parts.append(f"Needs: {needs}. Networks: {', '.join(info.kinds)}.")
    parts += ["## Objective", "With the default options, over 20 epochs:", _fenced(info.formula)]
    parts += ["\n".join(_piece(piece.room, piece.kind, piece.summary, piece.source) for piece in info.pieces)]
    if info.options_schema.get("properties"):
        parts += ["## Options", _options(info), _meaning(info.options_schema)]
    if info.reconstruction:
        parts += ["## What is reconstruction", info.reconstruction]
    parts += ["## In a spec", _fenced([f"method: {info.name}", *_with_an_option(info)], "yaml")]
    return "\n\n".join(part for part in parts if part) + "\n"


def _fenced(lines: list[str], language: str = "") -> str:
    return "\n".join([f"```{language}", *lines, "```"])


def _piece(room: str, kind: str, summary: str, source: str) -> str:
    return f"- {room} `{kind}`: {summary}" + (f" *{source}*" if source else "")


def _options(info: MethodInfo) -> str:
    rows = [f"| `{name}` | `{json.dumps(value)}` |" for name, value in info.defaults.items()]
    return "\n".join(["| option | default |", "|---|---|", *rows])


def _meaning(schema: Mapping[str, Any]) -> str:
    """The options' docstring; what it says of each is a list."""
    text = str(schema.get("description", ""))
    head, _, listed = text.partition("Attributes:\n")
    items: list[str] = []
    for line in listed.splitlines():
        entry = line.strip()
        fresh = line.startswith("    ") and not line.startswith("     ") and ": " in entry
        if fresh:
            names, _, meaning = entry.partition(": ")
            items.append(f"- {', '.join(f'`{name}`' for name in names.split(', '))}: {meaning}")
        elif entry and items:
            items[-1] += f" {entry}"
    return "\n\n".join(part for part in (head.strip().replace("``", "`"), "\n".join(items).replace("``", "`")) if part)


def _with_an_option(info: MethodInfo) -> list[str]:
    """The long spelling, with the first option at its default."""
    simple = {name: value for name, value in info.defaults.items() if isinstance(value, int | float | str)}
    if not simple:
        return []
    name, value = next(iter(simple.items()))
    return [f"# or: {{preset: {info.name}, {name}: {json.dumps(value)}}}"]


def write(folder: Path) -> None:
    """Write the pages, and remove those of methods that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
