"""The number of threads is what the job's own step runs fastest with."""

import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.train.threads import candidates, fastest


@given(st.integers(1, 300))
def test_candidates_go_from_one_to_all(most):
    counts = candidates(most)
    assert counts[0] == 1
    assert counts[-1] == most
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("best", [1, 2, 4])
def test_the_count_with_the_shortest_step_is_taken(best):
    def step():
        time.sleep(0.004 if torch.get_num_threads() == best else 0.02)

    assert fastest(step, 4) == best


def test_one_thread_is_taken_where_more_save_nothing():
    assert fastest(lambda: time.sleep(0.005), 4) == 1


def test_the_setting_is_put_back():
    before = torch.get_num_threads()
    fastest(lambda: None, 3)
    assert torch.get_num_threads() == before
