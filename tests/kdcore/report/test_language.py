"""Every sentence of the report is there in both languages, says the same facts, and is used."""

import re
import string
from pathlib import Path

import pytest

import kdcore.report
from kdcore.report.language import LANGUAGES, both, capital, name_of, say, words
from kdcore.report.markup import element

SOURCES = "\n".join(path.read_text() for path in Path(kdcore.report.__file__).parent.rglob("*.py"))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_rows() -> None:
    assert words("en").keys() == words("ja").keys()


@pytest.mark.parametrize("key", sorted(words("en")))
def test_a_row_holds_the_same_facts_in_both_languages(key: str) -> None:
    assert placeholders(words("en")[key]) == placeholders(words("ja")[key])


def test_every_row_is_used() -> None:
    """A row is named whole, or its table is: by ``name_of`` or by a key that is put together."""
    tables = set(re.findall(r'name_of\(\s*"([^"]+)"', SOURCES)) | set(re.findall(r'f"([a-z_]+)\.\{', SOURCES))
    tables |= {"noun", "nouns"}
    unused = [key for key in words("en") if f'"{key}"' not in SOURCES and key.partition(".")[0] not in tables]
    assert unused == []


def test_every_row_that_the_source_names_is_there() -> None:
    named = re.findall(r'say\(\s*"([^"]+)"', SOURCES)
    assert len(named) > 100
    assert [key for key in named if key not in words("en")] == []


def test_japanese_sentences_are_japanese() -> None:
    sentences = [text for text in words("ja").values() if text.endswith("。")]
    assert len(sentences) > 50
    assert all(re.search("[ぁ-んァ-ヶ一-龠]", text) for text in sentences if len(text) > 1)


def test_a_fact_is_said_in_the_language_of_its_sentence_and_escaped() -> None:
    text = say("risk.part_loses", noun=say("noun.class"), name="<b>")
    assert [text.of(language) for language in LANGUAGES] == ["Class “<b>” loses most", "クラス「<b>」の低下が最大です"]
    assert "<b>" not in element("p", text)


def test_an_identifier_without_words_stands_as_it_is() -> None:
    assert both(name_of("corruption", "dust")).ja == "dust"


def test_a_beginning_gets_its_capital_and_a_name_keeps_its_own() -> None:
    assert [capital(text) for text in ("accuracy", "mAP 50-95", "F1")] == ["Accuracy", "mAP 50-95", "F1"]
