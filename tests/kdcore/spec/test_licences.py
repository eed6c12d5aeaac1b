"""A licence that forbids derivatives stops a job before it is trained, unless somebody's permission is named."""

import pytest

from kdcore.spec import SpecError, parse_spec, plan
from kdcore.spec.datasets import DATASETS
from kdcore.spec.licences import derivatives, notes

SPEC = {
    "name": "licensed",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 1}},
    "student": {"architecture": "resnet8"},
}


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("CC-BY-ND-4.0", "forbidden"),
        ("CC BY-NC-ND 3.0", "forbidden"),
        ("Attribution-NoDerivatives", "forbidden"),
        ("MIT", "allowed"),
        ("Apache-2.0", "allowed"),
        ("BSD-3-Clause", "allowed"),
        ("CC BY-SA 3.0 as commonly stated", "allowed"),
        ("none stated", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_licence_is_known_by_its_id_or_its_usual_name(licence, expected):
    assert derivatives(licence) == expected


def test_a_name_says_who_may_use_it_and_what_it_asks_for():
    assert notes("CC BY-NC 4.0") == ("non-commercial use only", "the source must be named")
    assert notes("GPL-3.0-only") == ("what is derived keeps the same licence",)
    assert notes("MIT") == ()


def test_the_plan_names_the_licence_of_the_data():
    (found,) = plan(parse_spec(SPEC)).licences
    assert (found.of, found.name, found.licence, found.derivatives) == (
        "dataset",
        "digits",
        "CC BY 4.0 (UCI 80)",
        "allowed",
    )


def test_a_forbidding_licence_is_refused_with_a_remedy_that_works(monkeypatch):
    monkeypatch.setattr(DATASETS["digits"], "licence", "CC BY-ND 4.0")
    with pytest.raises(SpecError, match=r"CC BY-ND 4\.0.*say in 'permission' who allows it") as caught:
        plan(parse_spec(SPEC))
    assert [(one.pointer, one.code) for one in caught.value.problems] == [("/dataset", "licence_forbids")]
    allowed = plan(parse_spec({**SPEC, "permission": "by letter of the owner"}))
    assert allowed.licences[0].derivatives == "forbidden"
