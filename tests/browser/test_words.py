"""Every word of the dashboard is in the table of strings, and every string of the table is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.pages import DASHBOARD

SCRIPTS = sorted((DASHBOARD / "js").rglob("*.js"))
TABLE = DASHBOARD / "js" / "text" / "en.js"
NAMES = set(re.findall(r'^  "([^"]+)":', TABLE.read_text(), re.MULTILINE))
ASKED = re.compile(r"""\b(?:t|fact|card)\(\s*(.*)""")
LITERAL = re.compile(r'"([a-z]+\.[A-Za-z. ]+)"')
PATTERN = re.compile(r"`([a-z]+\.(?:[A-Za-z.]*\.)?)\$\{")


def texts() -> dict[Path, str]:
    return {path: path.read_text() for path in SCRIPTS if path != TABLE}


def test_every_name_that_is_asked_for_is_in_the_table() -> None:
    asked = {
        name
        for text in texts().values()
        for call in ASKED.findall(text)
        for name in LITERAL.findall(call)
        if not name.endswith((".js", ".json", ".html", ".safetensors", ".onnx"))
    }
    assert len(asked) > 80
    assert asked - NAMES == set()


def test_every_string_of_the_table_is_used() -> None:
    together = "\n".join(texts().values())
    literals, prefixes = set(LITERAL.findall(together)), set(PATTERN.findall(together))
    unused = {name for name in NAMES if name not in literals and not any(name.startswith(part) for part in prefixes)}
    assert unused == set()


@pytest.mark.parametrize("forbidden", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("])
def test_nothing_is_ever_read_as_markup(forbidden: str) -> None:
    assert [path.name for path, text in texts().items() if forbidden in text] == []


def test_every_script_says_which_idea_it_holds() -> None:
    assert [path.name for path in SCRIPTS if not path.read_text().startswith(("/** ", "// "))] == []
