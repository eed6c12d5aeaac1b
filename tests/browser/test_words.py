"""Every word of the dashboard is in the tables of strings, every string of them is used, in every language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.pages import DASHBOARD

SCRIPTS = sorted((DASHBOARD / "js").rglob("*.js"))
TEXT = DASHBOARD / "js" / "text"
ENTRY = re.compile(r'^  "([^"]+)":', re.MULTILINE)
TABLES = {path: ENTRY.findall(path.read_text()) for path in sorted((TEXT / "en").glob("*.js"))}
NAMES = {name for names in TABLES.values() for name in names}
ASKED = re.compile(r"""\b(?:t|fact|card)\(\s*(.*)""")
LITERAL = re.compile(r'"([a-z]+\.[A-Za-z0-9_. ]+)"')
PATTERN = re.compile(r"`([a-z]+\.(?:[A-Za-z.]*\.)?)\$\{")


def texts() -> dict[Path, str]:
    return {path: path.read_text() for path in SCRIPTS if TEXT not in path.parents}


def test_every_name_that_is_asked_for_is_in_the_table() -> None:
    asked = {
        name
        for text in texts().values()
        for call in ASKED.findall(text)
        for name in LITERAL.findall(call)
        if not name.endswith((".js", ".json", ".html", ".safetensors", ".onnx", ".css"))
    }
    assert len(asked) > 80
    assert asked - NAMES == set()


def test_every_language_says_the_same_with_the_same_values() -> None:
    (languages := sorted(path.name for path in TEXT.iterdir())).remove("en")
    assert languages == ["ja"]
    for english, names in TABLES.items():
        for language in languages:
            said = (TEXT / language / english.name).read_text()
            assert ENTRY.findall(said) == names, f"{language}/{english.name}"
            assert values_of(said) == values_of(english.read_text()), f"{language}/{english.name}"


def values_of(table: str) -> dict[str, set[str]]:
    """The placeholders of each string, `{ one, other }` taken together."""
    parts = ENTRY.split(table)[1:]
    return {name: set(re.findall(r"\{(\w+)\}", text)) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def test_a_name_stands_in_one_table_only() -> None:
    assert len(NAMES) == sum(len(names) for names in TABLES.values())


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
