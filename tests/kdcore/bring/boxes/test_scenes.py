"""Boxes of any format: judged one by one, clipped, and brought to size with their pictures."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdcore.bring.boxes.scenes import Scene, judged
from kdcore.bring.findings import Findings
from kdcore.bring.pictures.fitting import Placing
from kdcore.bring.pictures.opening import Header

PICTURE = Header(100, 50, is_grey=False)


class Room:
    """What judging boxes needs of a room."""

    def __init__(self):
        self.found = Findings()


def judge(*boxes, in_shares=False):
    """The boxes that stay, the codes of the others, and how many were clipped."""
    room, counts = Room(), Counter()
    where = [f"box {place}" for place in range(len(boxes))]
    scene = Scene("x.png", "train", np.asarray(boxes, dtype=np.float64), where, in_shares=in_shares)
    kept = judged(room, scene, PICTURE, counts)
    return kept.tolist(), [(fault["item"], fault["code"]) for fault in room.found.faults], counts["clipped"]


def test_a_good_box_stays_as_it_is():
    assert judge([1, 0, 0, 100, 50]) == ([[1, 0, 0, 100, 50]], [], 0)


def test_shares_become_pixels():
    assert judge([1, 0.1, 0.2, 0.5, 1.0], in_shares=True)[0] == [[1, 10, 10, 50, 50]]


@pytest.mark.parametrize(
    ("corners", "code"),
    [
        ([10, 10, 10, 20], "box_empty"),
        ([10, 10, 10, 10], "box_empty"),
        ([20, 10, 10, 20], "box_empty"),
        ([100, 0, 120, 20], "box_outside"),
        ([-20, 0, 0, 20], "box_outside"),
        ([0, 60, 20, 70], "box_outside"),
        ([0, float("nan"), 20, 70], "box_not_finite"),
        ([0, 0, float("inf"), 70], "box_not_finite"),
    ],
)
def test_a_box_that_shows_nothing_is_a_fault_and_its_neighbours_stay(corners, code):
    kept, faults, _ = judge([0, 1, 1, 5, 5], [0, *corners], [2, 1, 1, 5, 5])
    assert kept == [[0, 1, 1, 5, 5], [2, 1, 1, 5, 5]]
    assert faults == [("box 1", code)]


def test_a_box_that_sticks_out_is_clipped_and_counted_unless_tools_only_rounded():
    assert judge([0, -5, 0, 20, 20]) == ([[0, 0, 0, 20, 20]], [], 1)
    assert judge([0, -0.5, 0, 20, 50.9]) == ([[0, 0, 0, 20, 50]], [], 0)


CORNER = st.floats(-200, 300, width=32) | st.just(float("nan"))


@given(st.lists(st.tuples(st.integers(0, 3), CORNER, CORNER, CORNER, CORNER), min_size=1, max_size=8))
def test_whatever_is_kept_lies_in_the_picture_and_has_an_area(boxes):
    kept, faults, _ = judge(*boxes)
    assert len(kept) + len(faults) == len(boxes)
    for _, x1, y1, x2, y2 in kept:
        assert 0 <= x1 < x2 <= PICTURE.width
        assert 0 <= y1 < y2 <= PICTURE.height


@given(
    st.tuples(st.integers(8, 300), st.integers(8, 300)), st.tuples(st.integers(8, 300), st.integers(8, 300)), st.data()
)
def test_a_scaled_box_maps_back_to_itself(source, size, data):
    placing = Placing.of(source, size, data.draw(st.sampled_from(["pad", "stretch"])))
    x1, y1 = data.draw(st.floats(0, source[0] - 2)), data.draw(st.floats(0, source[1] - 2))
    corners = np.asarray([[x1, y1], [x1 + 1, y1 + 2]])
    there = placing.forward(corners)
    assert (there >= -1e-9).all()
    assert (there <= np.asarray(size) + 1e-9).all()
    assert np.allclose(placing.backward(there), corners)
