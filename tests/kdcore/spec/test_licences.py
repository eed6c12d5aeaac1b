"""A licence that forbids derivatives stops a job before it is trained, unless somebody's permission is named."""

import pytest

from kdcore.spec import SpecError, parse_spec, plan
from kdcore.spec.brought import Brought, BroughtModel
from kdcore.spec.cards import FileCard
from kdcore.spec.datasets import DATASETS
from kdcore.spec.kept import kept_card
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
    assert allowed.licences[0].permission == "by letter of the owner"


def test_a_permission_is_noted_only_where_it_was_needed():
    (found,) = plan(parse_spec({**SPEC, "permission": "by letter of the owner"})).licences
    assert found.permission is None


@pytest.mark.parametrize(
    ("licence", "said"),
    [("none stated", "'none stated' is no known licence of 'digits'"), ("", "'' is no known licence of 'digits'")],
)
def test_a_licence_that_is_not_known_is_a_warning_of_the_plan(monkeypatch, licence, said):
    monkeypatch.setattr(DATASETS["digits"], "licence", licence)
    (found,) = plan(parse_spec(SPEC)).warnings
    assert (found.code, found.pointer) == ("licence_unknown", "/dataset")
    assert found.message.startswith(said)
    assert "have it cleared before the student is handed out" in found.message


def test_weights_on_the_users_own_disk_have_a_licence_that_nobody_stated():
    given = {**SPEC, "teacher": {"architecture": "resnet20", "weights": "teacher.safetensors"}}
    (found,) = plan(parse_spec(given), allow_paths=True).warnings
    assert (found.pointer, found.code) == ("/teacher", "licence_unknown")
    assert found.message.startswith("nobody stated the licence of 'resnet20'")


DIGEST = "0" * 64
FIGURES = {"parameters": 1, "macs": 1, "score": 0.9, "interval": [0.8, 1.0], "metrics": {}, "bytes": 1}
RESULT = {
    "models": {"student": FIGURES},
    "metric": {},
    "verdict": {"outcome": "better"},
    "resolved": {"data": {"mean": [0.5], "std": [0.5]}},
}


def kept(name, made, licence=None):
    """The student of a finished job as a model."""
    files = (FileCard(path="weights.safetensors", sha256=DIGEST, bytes=1),)
    return kept_card(name, made, RESULT, files, "job_1", licence)


def following(card, **changes):
    """The plan of a job whose teacher is that model."""
    brought = Brought(models={"mdl_1": BroughtModel(card, 1)})
    return plan(parse_spec({**SPEC, "teacher": {"id": "mdl_1"}, **changes}), brought=brought)


def test_a_student_that_teaches_carries_on_the_licences_that_it_was_made_under(monkeypatch):
    monkeypatch.setattr(DATASETS["digits"], "licence", "CC BY-NC 4.0")
    first = plan(parse_spec(SPEC))
    monkeypatch.setattr(DATASETS["digits"], "licence", "MIT")
    second = following(kept("small", first))
    inherited, own = second.licences
    assert (inherited.of, inherited.name, inherited.licence, inherited.via) == (
        "teacher", "digits", "CC BY-NC 4.0", ("small",),
    )  # fmt: skip
    assert inherited.notes == ("non-commercial use only", "the source must be named")
    assert (own.of, own.licence, own.via) == ("dataset", "MIT", ())
    third = following(kept("smaller", second, licence="Apache-2.0"))
    assert [(one.name, one.licence, one.via) for one in third.licences] == [
        ("smaller", "Apache-2.0", ()),
        ("digits", "CC BY-NC 4.0", ("small", "smaller")),
        ("digits", "MIT", ("smaller",)),
        ("digits", "MIT", ()),
    ]
    assert len(kept("smallest", third).made_under) == 3


def test_a_permission_for_one_student_is_none_for_what_is_made_from_it(monkeypatch):
    monkeypatch.setattr(DATASETS["digits"], "licence", "CC BY-ND 4.0")
    card = kept("small", plan(parse_spec({**SPEC, "permission": "by letter of the owner"})))
    assert card.made_under[0].permission == "by letter of the owner"
    monkeypatch.setattr(DATASETS["digits"], "licence", "MIT")
    with pytest.raises(SpecError, match=r"the licence of 'digits' \(through 'small'\), 'CC BY-ND 4\.0', forbids"):
        following(card)
    allowed = following(card, permission="a second letter of the owner")
    assert allowed.licences[0].permission == "a second letter of the owner"
