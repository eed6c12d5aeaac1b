"""The card says what was proven, is read by the Hub's own reader, and no name can break its tables or its metadata."""

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from proven import proven

from kdcore.export import Export
from kdcore.export.provenance import Provenance, Source, Weights
from kdcore.report import Result
from kdcore.report.card import card
from kdcore.report.card.front import hub_licence, metadata
from kdcore.spec import Plan, parse_spec, plan

SPEC = {
    "name": "digits-fitnet",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 1}},
    "student": {"architecture": "resnet8", "width": 0.5, "labels": 144},
    "training": {"epochs": 3, "seed": 7},
}
NAMES = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=40) | st.sampled_from(
    [
        '"| x',
        "---",
        "a\\|b",
        "# h",
        "<script>",
        "`x`",
        "[a](b)",
        "null",
        "1e3",
        "'",
        ": -",
        "*",
        "&amp;",
        "yes",
        "~~a~~",
    ]
)
DIGEST = "ab" * 32


@pytest.fixture(scope="module")
def job() -> Plan:
    return plan(parse_spec(SPEC))


@pytest.fixture(scope="module")
def measured(make_result: Any) -> Result:
    export = Export("student.int8.onnx", "onnx-int8", 9_999, None, False, reason="too | large")
    loader = Export("load_student.py", "loader", 9_999, DIGEST, True)
    return proven(make_result(exports=[Export("student.onnx", "onnx", 82_634, DIGEST, True), loader, export]))


def record(**changes: Any) -> Provenance:
    found = Provenance(
        spec={}, plan={}, resolved={}, student={},
        data={"name": "digits", "sha256": {"train": "12" * 32}},
        weights={"student": Weights(file="student.safetensors", sha256=DIGEST, fingerprint="cd" * 32)},
        seeds={"distil": 7, "splits": 0},
        versions={"python": "3.11", "torch": "2.14"},
        hardware={"cpu": "some processor", "cores": 2, "system": "Linux"},
        source=Source(commit="f" * 40, modified=True),
    )  # fmt: skip
    found.update(changes)  # type: ignore[typeddict-item]  # fields by their names
    return found


def parts(text: str) -> tuple[dict[str, Any], str]:
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def tables(body: str) -> list[list[list[str]]]:
    """Cells as a reader of CommonMark with tables shows them, by table and row."""
    found: list[list[list[str]]] = []
    for token in (tokens := iter(MarkdownIt("commonmark").enable("table").parse(body))):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in {"th_open", "td_open"}:
            found[-1][-1].append(shown(next(tokens)))
    return found


def shown(inline: Any) -> str:
    assert {child.type for child in inline.children} <= {"text", "text_special"}, inline.content
    return "".join(child.content for child in inline.children)


def test_the_metadata_are_read_by_the_hubs_own_reader(measured: Result, job: Plan) -> None:
    from huggingface_hub import ModelCard

    read = ModelCard(card(measured, job, record())).data
    assert (read.license, read.datasets, read.pipeline_tag) == ("other", ["digits"], "image-classification")
    assert read.model_name == "digits-fitnet"
    (found,) = read.eval_results
    assert (found.task_type, found.dataset_name, found.dataset_split) == ("image-classification", "digits", "test")
    assert (found.metric_type, found.metric_value) == ("accuracy", measured["models"]["student"]["score"])
    assert found.metric_args == {"confidence": 0.95, "interval": measured["models"]["student"]["interval"]}


def test_the_card_says_what_was_proven_under_headings_in_their_order(measured: Result, job: Plan) -> None:
    body = parts(card(measured, job, record()))[1]
    assert [line[3:] for line in body.splitlines() if line.startswith("## ")] == [
        "How to use it", "Intended use and limits", "Training", "Evaluation", "Changes by class", "Robustness",
        "Files and quantised formats", "Licences and warnings", "Provenance",
    ]  # fmt: skip
    cells = [cell for table in tables(body) for row in table for cell in row]
    for said in ("Teacher", "Student alone", "97.5 %", "withheld: too | large", "distil 7, splits 0", DIGEST):
        assert said in cells, said
    assert f"{'f' * 40} with uncommitted changes" in cells
    assert "**Recommendation: Run a pilot first.**" in body
    assert "Worst: class 1. Beyond chance (Holm), class 1 loses (1 of 10 classes)." in body
    assert "144 of 1,294; the teacher speaks of all" in cells


@settings(max_examples=60)
@given(name=NAMES, note=NAMES, licence=NAMES)
def test_no_name_breaks_the_metadata_or_a_table(
    measured: Result, job: Plan, name: str, note: str, licence: str
) -> None:
    result: Any = copy.deepcopy(measured)
    result["name"] = name
    result["licences"][0] |= {"name": note, "licence": licence, "notes": [note]}
    result["changes"][0]["parts"][1]["name"] = note
    result["exports"][-1]["reason"] = f"{note}\n| x |"
    odd = job.model_copy(update={"dataset": job.dataset.model_copy(update={"name": name})})
    text = card(result, odd, record())
    front, body = parts(text)
    assert front == metadata(result, odd)
    calm = tables(parts(card(measured, job, record()))[1])
    found = tables(body)
    assert [[len(row) for row in table] for table in found] == [[len(row) for row in table] for table in calm]
    cells = [cell for table in found for row in table for cell in row]
    assert " ".join(licence.split()) in cells
    assert " ".join(f"withheld: {note}\n| x |".split()) in cells


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("MIT", "mit"),
        ("CC BY 4.0 (UCI 80)", "cc-by-4.0"),
        ("CC BY-SA 3.0 as commonly stated", "cc-by-sa-3.0"),
        ("GPL-3.0-only", "gpl-3.0"),
        ("MIT-like", None),
        ("none stated", None),
        (None, None),
    ],
)
def test_a_licence_has_the_hubs_id_where_the_hub_knows_it(licence: str | None, expected: str | None) -> None:
    assert hub_licence(licence) == expected


def test_the_metadata_name_one_licence_or_say_that_there_are_several_or_none_is_known(
    measured: Result, job: Plan
) -> None:
    result: Any = copy.deepcopy(measured)
    assert metadata(result, job)["license_name"] == "several-see-the-card"
    result["licences"] = result["licences"][1:]
    assert metadata(result, job)["license"] == "cc-by-4.0"
    result["licences"][0] |= {"licence": None, "derivatives": "unknown"}
    assert metadata(result, job)["license"] == "unknown"


def test_a_permission_stands_in_the_card_in_its_words(measured: Result, job: Plan) -> None:
    result: Any = copy.deepcopy(measured)
    result["licences"][0] |= {"derivatives": "forbidden", "permission": "Letter of A. Owner | 2026"}
    body = parts(card(result, job, record()))[1]
    assert "permission: Letter of A. Owner | 2026" in [cell for table in tables(body) for row in table for cell in row]
    assert "Do not deploy" not in body
