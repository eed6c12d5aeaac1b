"""Changes by class and group against figures worked out by hand."""

import pytest
import torch
from judging import judged

from kdcore.tasks.changes import by_class, by_group


def logits(wrong: range) -> torch.Tensor:
    said = torch.arange(200) % 2
    said[list(wrong)] = 1 - said[list(wrong)]
    return 4 * torch.eye(2)[said]


LABELS = torch.arange(200) % 2
PARTS = {
    "teacher": judged(logits(range(0)), LABELS),
    "alone": judged(logits(range(20)), LABELS),
    "student": judged(logits(range(0, 80, 2)), LABELS),  # 40 of the 100 examples of the first class
}


def test_the_class_that_pays_is_named() -> None:
    found = by_class(PARTS)
    assert found is not None
    first, second = found["parts"]
    assert first["change"] == pytest.approx(-0.4)
    assert first["from_alone"] == pytest.approx(-0.3)
    assert (first["notable"], second["notable"]) == (True, False)
    assert (found["worst"], found["outcome"]) == (["0"], "amplifies")
    assert found["spread"] == {"teacher": 0.0, "alone": 0.0, "student": pytest.approx(0.4)}


def test_groups_beyond_the_largest_are_counted() -> None:
    found = by_group(PARTS, torch.arange(200) // 50, most=3)
    assert found is not None
    assert [(row["name"], row["examples"]) for row in found["parts"]] == [("0", 50), ("1", 50), ("2", 50)]
    assert found["left_out"] == 1
    assert found["parts"][0]["change"] == pytest.approx(-0.5)
    assert by_group(PARTS, torch.zeros(200, dtype=torch.long)) is None
