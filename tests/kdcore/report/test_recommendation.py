"""The recommendation follows from stated rules, and from the worst of them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from proven import proven

from kdcore.export import Export
from kdcore.report import Result
from kdcore.report.recommendation import RULES, advice, risks

Make = Callable[..., Result]
DOCS = Path(__file__).parents[3] / "docs" / "report.md"


def rules_of(result: Result) -> set[str]:
    return {risk.rule for risk in risks(result)}


@pytest.fixture
def sound(make_result: Make) -> dict[str, Any]:
    """A result that nothing speaks against: ten thousand test examples, and every document without a loss."""
    result: dict[str, Any] = dict(proven(make_result()))
    result["dataset"] = {"name": "digits", "splits": {"test": 10_000}}
    result["models"]["student"]["interval"] = [0.965, 0.985]
    for model in result["models"].values():
        model["calibration_error"] = 0.02
    for changes in result["changes"]:
        changes["outcome"] = "inherits"
        for part in changes["parts"]:
            part["notable"] = False
    result["robustness"]["mean_drop"] = {"teacher": 0.1, "student": 0.11}
    return result


def test_a_sound_student_may_be_deployed_and_the_reader_is_told_what_the_figures_rest_on(sound: Any) -> None:
    assert advice(risks(sound)) == "deploy"
    assert {"one_run", "not_the_device"} <= rules_of(sound)


def _worse(result: Any) -> None:
    result["verdict"]["outcome"] = "worse"


def _far(result: Any) -> None:
    result["score_kept"] = 0.89


def _forbidden(result: Any) -> None:
    result["licences"][0]["derivatives"] = "forbidden"


def _behind(result: Any) -> None:
    result["score_kept"] = 0.97


def _maybe(result: Any) -> None:
    result["models"]["student"]["interval"] = [0.93, 0.99]


def _few(result: Any) -> None:
    result["dataset"]["splits"]["test"] = 999


def _class(result: Any) -> None:
    result["changes"][0]["parts"][1]["notable"] = True


def _confidence(result: Any) -> None:
    for part, error in (("teacher", 0.01), ("student", 0.05)):
        result["models"][part]["calibration_error"] = error


def _fragile(result: Any) -> None:
    result["robustness"]["mean_drop"] = {"teacher": 0.1, "student": 0.25}


def _shift(result: Any) -> None:
    result["shift"] |= {"p_value": 0.001, "w2": 0.5}


def _withheld(result: Any) -> None:
    result["exports"].append({**result["exports"][0], "verified": False, "reason": "too different"})


def _slow(result: Any) -> None:
    result["models"]["student"]["latency_ms"] = None


@pytest.mark.parametrize(
    ("change", "rule", "expected"),
    [
        (_worse, "worse_than_alone", "do not"),
        (_far, "far_behind", "do not"),
        (_forbidden, "licence_forbids", "do not"),
        (_behind, "behind", "pilot"),
        (_maybe, "maybe_behind", "pilot"),
        (_few, "few_examples", "pilot"),
        (_class, "class_loses", "pilot"),
        (_confidence, "overconfident", "pilot"),
        (_fragile, "more_fragile", "pilot"),
        (_shift, "shifted", "pilot"),
        (_withheld, "withheld", "pilot"),
        (_slow, "no_speed", "pilot"),
    ],
)
def test_one_fault_is_named_and_decides(sound: Any, change: Callable[[Any], None], rule: str, expected: str) -> None:
    assert rule not in rules_of(sound)
    change(sound)
    assert rule in rules_of(sound)
    assert advice(risks(sound)) == expected


def test_a_permission_over_a_licence_that_forbids_is_told_in_its_words_and_stops_nothing(sound: Any) -> None:
    sound["licences"][0] |= {"derivatives": "forbidden", "permission": "Letter of A. Owner, 2026-03-01"}
    found = risks(sound)
    (told,) = [risk for risk in found if risk.rule == "licence_permitted"]
    assert told.level == "note"
    assert "“Letter of A. Owner, 2026-03-01”" in told.detail.en
    assert "「Letter of A. Owner, 2026-03-01」" in told.detail.ja
    assert advice(found) == "deploy"


def test_a_licence_that_is_not_known_is_told_once(sound: Any) -> None:
    sound["licences"][0]["derivatives"] = "unknown"
    sound["warnings"] = [{"code": "licence_unknown", "pointer": "/dataset", "message": "nobody stated the licence"}]
    assert [risk.rule for risk in risks(sound) if risk.rule in {"licence_unknown", "warned"}] == ["licence_unknown"]
    assert advice(risks(sound)) == "pilot"


def test_a_job_without_teacher_and_baseline_is_never_to_be_deployed_at_once(make_result: Make) -> None:
    found = risks(make_result(parts=("student",)))
    assert {"no_teacher", "no_baseline"} <= {risk.rule for risk in found}
    assert advice(found) == "pilot"


def test_nothing_delivered_is_nothing_to_deploy(make_result: Make) -> None:
    result = make_result(exports=[Export("student.onnx", "onnx", 9, None, False, reason="NaN")])
    assert advice(risks(result)) == "do not"


def test_every_rule_is_in_the_documentation_with_its_level() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", DOCS.read_text(), flags=re.MULTILINE)
    assert rows == [(name, level) for name, level, _ in RULES]
