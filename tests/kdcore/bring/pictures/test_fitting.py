"""Pictures of many sizes come to one: known places first, then for any sizes there and back."""

from collections import Counter

import numpy as np
import pytest
from drawing import noise
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kdcore.bring.pictures.fitting import GREY, Placing, chosen_size
from kdcore.spec.bringing import Size

SIDES = st.integers(4, 400)
SIZES = st.tuples(SIDES, SIDES)
FITS = st.sampled_from(["stretch", "crop", "pad"])


def placed(placing, *points):
    return placing.forward(np.asarray(points, dtype=np.float64)).tolist()


def test_stretching_scales_each_side_by_itself():
    assert placed(Placing.of((100, 50), (50, 50), "stretch"), (100, 50), (10, 10)) == [[50, 50], [5, 10]]


def test_padding_keeps_the_form_and_centres():
    placing = Placing.of((100, 50), (50, 50), "pad")
    assert placed(placing, (0, 0), (100, 50)) == [[0, 12], [50, 37]]


def test_cropping_keeps_the_form_and_the_middle():
    placing = Placing.of((100, 50), (50, 50), "crop")
    assert placed(placing, (0, 0), (50, 25)) == [[-25, 0], [25, 25]]


def test_a_padded_picture_is_grey_around_and_itself_inside():
    picture = Image.new("RGB", (100, 50), (255, 0, 0))
    found = np.asarray(Placing.of((100, 50), (50, 50), "pad").apply(picture))
    assert found.shape == (50, 50, 3)
    assert (found[:12] == GREY).all()
    assert (found[12:37] == (255, 0, 0)).all()
    assert (found[37:] == GREY).all()


def test_a_cropped_picture_is_the_middle_of_the_scaled_one():
    picture = noise(1, width=40, height=20)
    whole = np.asarray(picture)
    assert np.array_equal(np.asarray(Placing.of((40, 20), (20, 20), "crop").apply(picture)), whole[:, 10:30])


def test_a_long_strip_does_not_fill_the_memory_when_it_is_cropped():
    strip = Image.new("RGB", (100_000, 1), (9, 8, 7))
    found = Placing.of(strip.size, (256, 256), "crop").apply(strip)
    assert np.asarray(found).tolist() == [[[9, 8, 7]] * 256] * 256


@given(SIZES, SIZES, FITS, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5))
def test_the_way_back_ends_where_the_way_there_began(source, size, fit, shares):
    placing = Placing.of(source, size, fit)
    points = np.asarray(shares) * np.asarray(source)
    assert np.allclose(placing.backward(placing.forward(points)), points, atol=1e-6)


@given(SIZES, SIZES, FITS)
def test_a_picture_always_gets_the_size_and_its_corners_stay_within_or_around(source, size, fit):
    placing = Placing.of(source, size, fit)
    picture = placing.apply(Image.new("L", source))
    assert picture.size == size
    (x1, y1), (x2, y2) = placed(placing, (0, 0), source)
    if fit == "crop":
        assert x1 <= 0
        assert y1 <= 0
        assert x2 >= size[0] - 1
        assert y2 >= size[1] - 1
    else:
        assert 0 <= x1 <= x2 <= size[0] + 1e-9
        assert 0 <= y1 <= y2 <= size[1] + 1e-9


@pytest.mark.parametrize(
    ("asked", "seen", "chosen"),
    [
        ({}, {(32, 32): 5, (64, 64): 4}, (32, 32)),
        ({}, {(640, 480): 1}, (256, 192)),
        ({}, {(9, 8): 2, (8, 9): 2}, (8, 9)),
        ({"height": 40}, {(640, 480): 1}, (40, 40)),
        ({"height": 40, "width": 60}, {(640, 480): 1}, (60, 40)),
    ],
)
def test_the_size_is_the_users_or_the_commonest(asked, seen, chosen):
    assert chosen_size(Size(**asked), Counter(seen)) == chosen
