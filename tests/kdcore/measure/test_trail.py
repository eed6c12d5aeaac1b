"""The transformation trail says what changed and whether it served."""

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.measure import divergence
from kdcore.measure.trail import trail


def sure(*classes: int, of: int = 3, by: float = 4.0) -> torch.Tensor:
    return by * torch.nn.functional.one_hot(torch.tensor(classes), of).float()


def test_equal_networks_have_nothing_to_tell() -> None:
    labels, logits = torch.tensor([0, 1, 1]), sure(0, 1, 0)
    found = trail(labels, logits, logits)
    assert found["divergence"] == {
        "prompted_from_teacher": 0.0,
        "student_from_teacher": None,
        "student_from_prompted": None,
    }
    assert [row["divergence"] for row in found["classes"]] == [0.0, 0.0, None]
    assert [row["examples"] for row in found["classes"]] == [1, 2, 0]
    assert found["flipped"] == {"count": 0, "gained": 0, "lost": 0, "shown": []}
    assert (found["as_accurate"], found["nearer"], found["light"]) == (True, None, "amber")


def test_the_divergence_of_a_class_is_that_of_two_coins() -> None:
    teacher = torch.tensor([[0.75, 0.25], [0.5, 0.5]]).log()
    prompted = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
    found = trail(torch.tensor([0, 1]), teacher, prompted, class_names=["heads", "tails"])
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert [(row["name"], row["divergence"]) for row in found["classes"]] == [
        ("heads", pytest.approx(expected, rel=1e-6)),
        ("tails", 0.0),
    ]


def test_flipped_decisions_are_counted_for_better_and_worse_and_listed_up_to_a_cap() -> None:
    labels = torch.tensor([0, 1, 2, 0, 1])
    found = trail(labels, sure(0, 0, 1, 1, 1), sure(0, 1, 0, 0, 2), most_shown=2)
    assert found["flipped"] == {
        "count": 4,
        "gained": 2,
        "lost": 1,
        "shown": [
            {"index": 1, "label": 1, "teacher": 0, "prompted": 1},
            {"index": 2, "label": 2, "teacher": 1, "prompted": 0},
        ],
    }


def test_as_accurate_and_nearer_is_green() -> None:
    labels = torch.tensor([0, 1, 2])
    found = trail(labels, sure(0, 1, 2, by=9), sure(0, 1, 2, by=3), sure(0, 1, 2, by=2))
    assert (found["as_accurate"], found["nearer"], found["light"]) == (True, True, "green")
    assert found["divergence"]["student_from_prompted"] == divergence(sure(0, 1, 2, by=3), sure(0, 1, 2, by=2))
    assert found["reason"].startswith("The prompted path is 0.0 points more accurate than its teacher and nearer")


def test_as_accurate_but_no_nearer_is_amber() -> None:
    labels = torch.tensor([0, 1, 2])
    found = trail(labels, sure(0, 1, 2, by=3), sure(0, 1, 2, by=9), sure(0, 1, 2, by=2))
    assert (found["as_accurate"], found["nearer"], found["light"]) == (True, False, "amber")
    assert "but no nearer" in found["reason"]


def test_a_path_that_became_its_weak_student_is_red_though_it_is_near() -> None:
    labels = torch.tensor([0, 1, 2, 0])
    found = trail(labels, sure(0, 1, 2, 0), sure(1, 1, 2, 0), sure(1, 1, 2, 0))
    assert (found["as_accurate"], found["nearer"], found["light"]) == (False, True, "red")
    assert "25.0 points less accurate" in found["reason"]


def test_a_drop_of_exactly_what_is_allowed_is_allowed() -> None:
    labels, teacher = torch.zeros(10, dtype=torch.long), sure(*[0] * 10)
    prompted = sure(1, *[0] * 9)
    assert trail(labels, teacher, prompted, allowed_drop=0.1)["as_accurate"]
    assert not trail(labels, teacher, prompted, allowed_drop=0.09)["as_accurate"]


@given(st.integers(1, 12), st.integers(2, 5), st.integers(0, 99), st.booleans())
def test_any_trail_is_json_and_its_classes_sum_to_the_whole(samples: int, classes: int, seed: int, half: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (samples,), generator=generator)
    logits = torch.randn(3, samples, classes, generator=generator).to(torch.float16 if half else torch.float32)
    found = trail(labels, *logits)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    whole = sum(row["examples"] * (row["divergence"] or 0) for row in found["classes"]) / samples
    assert whole == pytest.approx(found["divergence"]["prompted_from_teacher"])


@pytest.mark.parametrize(
    ("logits", "told"),
    [(sure(0), "must all be"), (sure(0, 1, of=4), "must all be"), (sure(0, 1) / 0, "prompted hold NaN")],
)
def test_logits_that_do_not_fit_are_refused(logits: torch.Tensor, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        trail(torch.tensor([0, 1]), sure(0, 1), logits)


def test_a_split_without_examples_is_refused() -> None:
    with pytest.raises(ValueError, match="no examples"):
        trail(torch.zeros(0, dtype=torch.long), torch.zeros(0, 3), torch.zeros(0, 3))
