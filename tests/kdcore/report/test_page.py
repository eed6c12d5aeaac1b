"""report.html stands alone, shows the decision first, and trusts no text that it is given."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from judging import task
from proven import alignment, changes, proven

from kdcore.export import Export
from kdcore.measure.documents import Quantisation
from kdcore.report import Measured, Result, render
from kdcore.spec.cards import TargetCard
from kdcore.tasks.quality import quality

Make = Callable[..., Result]
History = list[dict[str, Any]]
VOID = {"meta", "link", "br", "img", "hr", "input", "path", "use"}


class Page(HTMLParser):
    """Elements, text of one language and attributes of a page; fails on tags that do not nest."""

    def __init__(self, text: str, language: str = "en") -> None:
        super().__init__()
        self.open: list[str] = []
        self.languages: list[str | None] = []
        self.language = language
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID - {"path", "use"}:
            self.open.append(tag)
            self.languages.append(dict(attrs).get("lang") if tag in {"span", "tspan"} else None)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.languages.pop()

    def handle_data(self, data: str) -> None:
        if not {"style", "svg"} & set(self.open) and set(self.languages) <= {None, self.language}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def usual(make_result: Make, history: History, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a job with teacher, student alone and distilled student."""
    return render(
        make_result(), history, tmp_path_factory.mktemp("page") / "report.html", spec="name: digits"
    ).read_text()


@pytest.fixture
def write(tmp_path: Path, history: History) -> Callable[..., str]:
    def written(result: Result, records: History | None = None, spec: str = "name: digits") -> str:
        path = render(result, history if records is None else records, tmp_path / "report.html", spec=spec)
        return path.read_text()

    return written


def test_the_first_screen_is_the_decision(usual: str) -> None:
    page = Page(usual)
    first = page.text[: page.text.index("What was done")]
    for fact in (
        "Better than the same student trained alone",
        "Run a pilot first",
        "over 400 test examples the distilled student’s accuracy is 97.5 %",
        "Few test examples",
        "98.5 %",  # of the teacher's accuracy
        "14× smaller",
        "4.0× faster",
        "83 %",  # of the gap
    ):
        assert fact in first
    assert page.tags.count("svg") == 6
    assert "Speaks against it" not in first


def test_markup_in_any_text_is_shown_and_never_run(
    make_result: Make, write: Callable[..., str], history: History
) -> None:
    evil = '<script>alert("x")</script>'
    export = Export(evil, evil, 10, None, False, reason=evil)
    result = make_result(
        name=evil,
        method=evil,
        class_names=[evil, *map(str, range(1, 10))],
        exports=[export],
        dataset={"name": evil, evil: evil, "splits": {"test": 400}},
        versions={evil: evil},
        hashes={evil: evil},
        durations={evil: 1.0},
        warnings=[{"message": evil}],
        resolved={evil: [evil]},
    )
    records = [{**record, "stage": evil, "values": {**record["values"], f"term.{evil}": 1.0}} for record in history]
    page = Page(write(result, records, spec=evil))
    assert "script" not in page.tags
    assert page.text.count(evil) > 12
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_a_browser_would_load_nothing_from_anywhere(usual: str) -> None:
    page = Page(usual)
    assert not {"link", "script", "img", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    references = [value for name, value in page.attributes if name in {"src", "href", "xlink:href", "srcset", "data"}]
    assert references
    assert all(value.startswith("#") for value in references)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", usual))
    assert "@import" not in usual
    assert "http" not in usual


def test_every_reference_inside_the_page_has_one_target(usual: str) -> None:
    identifiers = [value for name, value in Page(usual).attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    wanted = set(re.findall(r'(?:href="#|url\(#)([^")]+)', usual))
    assert wanted
    assert wanted <= set(identifiers)


def test_a_withheld_export_and_a_lost_class_are_on_the_first_screen(
    make_result: Make, write: Callable[..., str]
) -> None:
    result = make_result(exports=[Export("student.int8.onnx", "onnx-int8", 9, None, False, reason="9 bytes are many")])
    result["models"]["student"]["per_class"][7]["value"] = 0.5
    first = Page(write(result)).text.split("What was done")[0]
    assert "student.int8.onnx was withheld : 9 bytes are many" in first
    assert "Class “7” loses most : recall 50.0 %" in first


def test_the_int8_file_is_shown_with_and_without_quantised_epochs(
    make_result: Make, write: Callable[..., str], usual: str
) -> None:
    result = make_result()
    result["quantisation"] = Quantisation(
        epochs=8,
        examples=400,
        metric="accuracy",
        before={"as_float": 0.97, "as_int8": 0.9},
        after={"as_float": 0.972, "as_int8": 0.965},
        change=0.065,
        interval=[0.04, 0.09],
    )
    text = write(result)
    english, japanese = Page(text).text, Page(text, "ja").text
    assert "before it trained as int8 97.0 % 90.0 % as delivered 97.2 % 96.5 %" in english
    assert "changed by +6.5 points (95 %: +4.0 points to +9.0 points)" in english
    assert "int8での学習前 97.0 % 90.0 %" in japanese
    assert "trained as int8" not in Page(usual).text


@pytest.mark.parametrize("parts", [("student",), ("alone", "student"), ("teacher", "student")])
def test_a_job_without_teacher_or_baseline_still_has_a_report(
    make_result: Make, write: Callable[..., str], parts: tuple[str, ...]
) -> None:
    result = make_result(parts=parts)
    for model in result["models"].values():
        model["latency_ms"] = model["bytes"] = None  # type: ignore[index]
    text = Page(write(result, [])).text
    assert ("Not compared with the same student trained alone" in text) == ("alone" not in parts)
    assert ("Accuracy kept" if "teacher" in parts else "Accuracy") in text


def test_a_report_on_an_error_says_that_less_is_better(
    make_result: Make, write: Callable[..., str], history: History
) -> None:
    kind = task(1, task="regression", target=TargetCard(classes=("wear",), mean=(50.0,), std=(10.0,)))
    errors = torch.randn(400, 1, generator=torch.Generator().manual_seed(0))
    targets = torch.zeros_like(errors)
    answers = {part: scale * errors for part, scale in {"teacher": 0.5, "alone": 1.0, "student": 0.8}.items()}
    judged = {part: kind.judged(own, targets) for part, own in answers.items()}
    measured = {
        part: Measured("resnet1d-8", {}, quality(kind, judged[part], own, targets), 1000, 1000)
        for part, own in answers.items()
    }
    text = Page(write(make_result(measured=measured, judged=judged), history)).text
    assert "Distillation helped" in text
    assert "less is better" in text
    assert re.search(r"Root mean squared error [78]\.?\d* on 400 test examples", text)
    assert "Target “wear” loses most" not in text


def test_the_same_result_gives_the_same_bytes(make_result: Make, write: Callable[..., str], usual: str) -> None:
    assert write(make_result()) == usual


def test_a_long_job_with_a_thousand_classes_stays_under_a_megabyte(
    make_result: Make, write: Callable[..., str], history: History
) -> None:
    result = make_result()
    for model in result["models"].values():
        first = model["per_class"][0]  # type: ignore[index]
        many = [{**first, "index": i, "name": f"class number {i}"} for i in range(1000)]
        model["per_class"] = many  # type: ignore[index]
    records = [
        {**record, "step": 1000 * record["step"] + i, "epoch": 1000 * record["epoch"] + i}
        for record in history
        for i in range(1000)
    ]
    assert len(write(result, records).encode()) < 1_000_000


def test_dark_and_light_come_from_the_same_names(usual: str) -> None:
    light, dark = (
        dict(re.findall(r"(--[a-z0-9]+): (#[0-9a-f]{6})", part)) for part in usual.split("@media screen")[:2]
    )
    assert light.keys() == dark.keys()
    assert light != dark
    drawings = "".join(re.findall(r"<svg.*?</svg>", usual, flags=re.DOTALL))
    assert "var(--student)" in drawings
    assert not set(light.values()) & set(re.findall(r"#[0-9a-f]{6}", drawings))


def test_unverified_is_said_in_words_and_not_only_in_colour(make_result: Make, write: Callable[..., str]) -> None:
    good = make_result()["exports"][0]
    result = make_result(exports=[Export(**good), replace(Export(**good), verified=False, reason="NaN")])
    text = Page(write(result)).text
    assert "✓ verified" in text
    assert "✕ withheld NaN" in text


@pytest.fixture(scope="module")
def filled(make_result: Make, history: History, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a job of which everything was measured."""
    folder = tmp_path_factory.mktemp("filled")
    return render(proven(make_result()), history, folder / "report.html", spec="name: digits").read_text()


def test_everything_that_was_measured_is_drawn_and_named_by_its_title(filled: str) -> None:
    page = Page(filled)
    names = ("verdict", "score", "loss", "size", "speed", "by-class", "by-group", "reliability", "robustness")
    names += ("cka", "features")
    for name in names:
        assert f'aria-labelledby="{name}-title"' in filled
        assert ("id", f"{name}-title") in page.attributes
    assert page.tags.count("svg") == len(names)
    assert len(filled.encode()) < 600_000


def test_the_japanese_page_holds_no_english_sentence(filled: str) -> None:
    text = Page(filled, "ja").text
    assert "まず試験導入を推奨します" in text
    for english in ("the teacher", "student", "against", "with", "points", "examples"):
        assert not re.search(rf"\b{english} [a-z]+ [a-z]+", text), english


def test_a_thousand_classes_with_everything_measured_stay_under_a_megabyte(
    make_result: Make, write: Callable[..., str]
) -> None:
    result: Any = proven(make_result())
    result["changes"] = [changes("class", 1000), changes("group", 50)]
    result["alignment"] = alignment(blocks=60, points=5000)
    assert len(write(result).encode()) < 1_000_000
