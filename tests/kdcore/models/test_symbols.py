"""Numbers seen in traces become the one expression that makes them, or an error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.models.symbols import Fitter, NoExpression, Undecided
from kdcore.spec.catalogue_sizes import Sizes, evaluate, parse, scaled

SETTINGS = [
    Sizes(32, 40, 10, 3),
    Sizes(33, 57, 7, 1),
    Sizes(47, 36, 5, 2),
    Sizes(64, 35, 11, 4, 0.0244),
    Sizes(41, 50, 9, 3, 0.1413),
    Sizes(56, 72, 13, 3, 1.3439),
    Sizes(39, 65, 12, 3, 0.001),
]


@pytest.mark.parametrize(
    ("expression", "value"),
    [("7", 7), ("k", 10), ("c", 3), ("48x", 24), ("2*48x", 48), ("h3/4", 8), ("w0/8+1", 6), ("64*h1/2*w1/2+64", 20544)],
)
def test_an_expression_has_the_value_that_its_signs_say(expression, value):
    assert evaluate(expression, Sizes(32, 40, 10, 3, 0.5)) == value


@pytest.mark.parametrize("text", ["", "x", "7y", "h/2", "h1", "7**2", "7+", "__import__('os')"])
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(ValueError, match="is no size"):
        parse(text)


@pytest.mark.parametrize(
    ("channels", "width", "expected"), [(16, 0.5, 8), (5, 0.5, 2), (7, 0.5, 4), (16, 0.01, 1), (16, 1.7, 27)]
)
def test_width_rounds_halves_to_even_and_leaves_one_channel(channels, width, expected):
    assert scaled(channels, width) == expected


EXPRESSIONS = st.one_of(
    st.integers(1, 5000).map(str),
    st.sampled_from(["16x", "32x", "2*16x", "2*32x", "500x", "5*500x", "k", "c"]),
    st.sampled_from(["h0/1", "w0/1", "h1/2", "w1/2", "192x*h-4/8*w-4/8", "h0/4*w0/4+1"]),
)


@settings(deadline=None)
@given(EXPRESSIONS)
def test_a_fitted_expression_is_the_one_that_made_the_numbers(expression):
    values = [evaluate(expression, sizes) for sizes in SETTINGS]
    assert Fitter(SETTINGS).expression(values) == expression.replace("h0/4*w0/4", "1*h0/4*w0/4")


@settings(deadline=None)
@given(st.sampled_from([2, 4, 8, 16, 32]), st.integers(-31, 31), st.sampled_from("hw"))
def test_with_the_sizes_that_it_asks_for_the_fitter_finds_the_one_true_rounding(stride, add, side):
    expression = f"{side}{add}/{stride}"
    seen = [Sizes(h, w, 10 + h, 3) for h, w in [(224, 255), (225, 320), (256, 223), (287, 224), (96, 130)]]
    for _ in range(12):
        values = [evaluate(expression, sizes) for sizes in seen]
        try:
            assert Fitter(seen).expression(values) == expression
        except Undecided as error:
            seen.append(Sizes(error.try_next, error.try_next, 10, 3))
            continue
        return
    pytest.fail("never decided")


def test_channels_that_may_be_of_several_pieces_are_not_guessed():
    with pytest.raises(NoExpression, match="further widths"):
        Fitter([Sizes(8, 8, 10, 3), Sizes(8, 9, 7, 1, 0.5)]).expression([64, 32])


def test_numbers_that_nothing_makes_are_refused():
    with pytest.raises(NoExpression, match="no expression gives"):
        Fitter(SETTINGS).expression([1, 90, 2, 80, 3, 70, 4])
