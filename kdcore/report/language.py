"""The report's two languages: every sentence is a row of `words/`, and the page holds both."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "ja")


@dataclass(frozen=True)
class Both:
    """The same text in both languages."""

    en: str
    ja: str

    def of(self, language: str) -> str:
        """The text in one of ``LANGUAGES``."""
        return self.ja if language == "ja" else self.en


Text = str | Both
"""Plain text is the same in every language: a number, a unit, a name that users gave."""


def both(text: Text) -> Both:
    """Text that is the same in every language, or is there in both already."""
    return text if isinstance(text, Both) else Both(text, text)


def say(key: str, **facts: Text) -> Both:
    """A row of the words with its placeholders filled; ``KeyError`` names a row that there is not."""
    return Both(*(_filled(language, key, facts) for language in LANGUAGES))


def _filled(language: str, key: str, facts: Mapping[str, Text]) -> str:
    return words(language)[key].format(**{name: both(fact).of(language) for name, fact in facts.items()})


def name_of(table: str, name: str) -> Text:
    """What people call an identifier; the identifier itself where ``words/`` has no row for it."""
    return say(f"{table}.{name}") if known(f"{table}.{name}") else name


def known(key: str) -> bool:
    """Whether ``words/`` has such a row."""
    return key in words("en")


def listed(texts: Sequence[Text], *, mark: str = "list.mark") -> Both:
    """Texts one after the other, with each language's own comma between them."""
    marks = say(mark)
    return Both(*(marks.of(language).join(both(text).of(language) for text in texts) for language in LANGUAGES))


def together(*texts: Text) -> Both:
    """Texts with nothing between them."""
    return Both(*("".join(both(text).of(language) for text in texts) for language in LANGUAGES))


def capital(text: Text) -> Text:
    """With a capital at the beginning, where the language has them; a name like mAP stays as it is."""
    return _capital(text) if isinstance(text, str) else Both(_capital(text.en), text.ja)


def _capital(text: str) -> str:
    return text if text[1:2].isupper() else text[:1].upper() + text[1:]


@cache
def words(language: str) -> Mapping[str, str]:
    """Dotted key -> text, of every file of a language."""
    folder = files("kdcore.report").joinpath("words", language)
    found: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        found |= _flat(tomllib.loads(file.read_text(encoding="utf-8")))
    return found


def _flat(table: Mapping[str, object], prefix: str = "") -> Mapping[str, str]:
    return dict(_rows(table, prefix))


def _rows(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _rows(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)
