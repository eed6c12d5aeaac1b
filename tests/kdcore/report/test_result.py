"""result.json holds what was measured, and nothing that JSON cannot say."""

import json
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from judging import judged, qualified

from kdcore.report import Measured, Result

Make = Callable[..., Result]


def test_shares_are_taken_between_the_right_networks(make_result: Make) -> None:
    result = make_result()
    assert result["models"]["student"]["score"] == pytest.approx(0.975)
    assert result["score_kept"] == pytest.approx(0.975 / 0.99)
    assert result["gap_closed"] == pytest.approx((0.975 - 0.9) / (0.99 - 0.9))
    assert result["verdict"]["outcome"] == "better"
    assert result["verdict"]["difference"] == pytest.approx(0.075)


def test_the_document_survives_json_unchanged(make_result: Make) -> None:
    result = make_result()
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_without_a_teacher_or_a_student_alone_their_shares_are_absent(make_result: Make) -> None:
    no_teacher, no_alone = make_result(parts=("alone", "student")), make_result(parts=("teacher", "student"))
    assert (no_teacher["score_kept"], no_teacher["gap_closed"]) == (None, None)
    assert list(no_teacher["models"]) == ["alone", "student"]
    assert no_alone["gap_closed"] is None
    assert no_alone["score_kept"] is not None
    assert no_alone["verdict"]["outcome"] == "no baseline"


def test_an_infinite_loss_becomes_null(make_result: Make) -> None:
    figures = qualified(torch.eye(2), torch.arange(2))
    measured = Measured("resnet8", {}, replace(figures, loss=math.inf), 10, 10)
    result = make_result(measured={"student": measured}, judged={"student": judged(torch.eye(2), torch.arange(2))})
    assert result["models"]["student"]["loss"] is None
    json.dumps(result, allow_nan=False)


def test_a_result_without_a_student_is_refused(make_result: Make) -> None:
    with pytest.raises(ValueError, match="needs a measured student; got teacher"):
        make_result(parts=("teacher",))
