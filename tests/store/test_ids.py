"""Ids sort by time, name what they are, and cannot be confused with anything a user may send."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from store.ids import is_id, new_id


def test_ids_of_one_process_sort_in_the_order_in_which_they_were_made() -> None:
    made = [new_id("job") for _ in range(5000)]
    assert made == sorted(made)
    assert len(set(made)) == 5000


def test_threads_never_get_the_same_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_id("job"), range(8000)))
    assert len(set(made)) == 8000


def test_an_id_says_what_it_names() -> None:
    assert re.fullmatch(r"ckpt_[0-9a-z]{26}", new_id("ckpt"))
    assert is_id("ckpt", new_id("ckpt"))
    assert not is_id("job", new_id("ckpt"))


@pytest.mark.parametrize("text", ["", "job_", "job_\x00", "job_" + "z" * 26, "job_" + "0" * 25, "job_" + "0" * 27, "x"])
def test_what_is_no_id_of_ours_is_recognised_without_the_database(text: str) -> None:
    assert not is_id("job", text)
