"""Several teachers that speak as one."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.objective.council import combined


@given(seed=st.integers(0, 1000), how=st.sampled_from(["mean", "agreement"]))
def test_teachers_of_one_mind_are_heard_as_one(seed, how):
    logits = torch.randn(4, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    torch.testing.assert_close(combined([logits] * 3, how), logits)


@given(seed=st.integers(0, 1000), how=st.sampled_from(["mean", "agreement"]))
def test_the_order_of_teachers_does_not_matter(seed, how):
    voices = list(torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))
    torch.testing.assert_close(combined(voices, how), combined(voices[::-1], how))


def test_a_teacher_that_stands_alone_counts_less_by_agreement():
    crowd, loner = torch.tensor([[4.0, 0.0]]), torch.tensor([[0.0, 4.0]])
    mean, weighed = (combined([crowd, crowd, loner], how) for how in ("mean", "agreement"))
    assert weighed[0, 0] - weighed[0, 1] > mean[0, 0] - mean[0, 1] > 0


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="known: mean, agreement"):
        combined([torch.zeros(1, 2)], "loudest")
