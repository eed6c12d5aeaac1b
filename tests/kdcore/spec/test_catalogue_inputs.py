"""Inputs of every kind: their sizes, the options that follow from them, and networks that take another kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdcore.spec.catalogue import BadOption, WrongInput, WrongTask, check_task, describe, following_options
from kdcore.spec.catalogue_inputs import Given
from kdcore.spec.catalogue_sizes import Sizes


@pytest.mark.parametrize(
    ("shape", "vocabulary", "source", "kind", "options"),
    [
        ((3, 32, 40), None, None, "image", {"in_channels": 3, "image_size": 32}),
        ((9, 128), None, None, "series", {"in_channels": 9, "length": 128}),
        ((13,), None, None, "table", {"features": 13}),
        ((64,), 1000, None, "tokens", {"vocabulary": 1000, "length": 64}),
        ((64,), 1000, 48, "tokens", {"vocabulary": 1000, "length": 64, "source_length": 48}),
    ],
)
def test_the_kind_follows_from_the_shape_and_the_options_from_the_input(shape, vocabulary, source, kind, options):
    found = Given.of(shape, vocabulary, source)
    assert found.kind == kind
    assert found.options() == options


SIZES = st.builds(
    Sizes, st.integers(1, 300), st.integers(1, 300), st.just(7), st.integers(1, 300), st.just(0.5), st.just(3)
)


@given(st.sampled_from(["image", "tokens"]), SIZES)
def test_sizes_and_inputs_are_each_other_s_inverse(kind, sizes):
    assert Given.at(kind, sizes, source=True).sizes(7, {"width": 0.5, "heads": 3}) == sizes


@pytest.mark.parametrize(
    ("shape", "vocabulary"), [((), None), ((1, 2, 3, 4), None), ((3, 32, 32), 100), ((0, 5), None), ((8,), 0)]
)
def test_what_is_no_input_is_refused(shape, vocabulary):
    with pytest.raises(BadOption, match="input_shape"):
        describe("resnet20", num_classes=2, input_shape=shape, vocabulary=vocabulary)


def test_a_source_leaves_room_for_an_answer():
    with pytest.raises(ValueError, match="source_length=8"):
        Given.of((8,), 100, 8)


def test_a_network_for_another_kind_of_input_is_refused_in_words():
    with pytest.raises(WrongInput, match="resnet20 takes pictures, the dataset has series: choose"):
        describe("resnet20", num_classes=6, input_shape=(9, 128))
    with pytest.raises(WrongInput, match="the dataset has token ids"):
        describe("torchvision/resnet18", num_classes=6, input_shape=(64,), vocabulary=500)


def test_a_network_for_another_task_is_refused_in_words():
    check_task("resnet20", "multilabel")
    with pytest.raises(WrongTask, match="resnet20 answers classification or multilabel or regression") as caught:
        check_task("resnet20", "detection")
    assert caught.value.task == "detection"


def test_options_that_follow_the_input_are_only_those_that_the_network_has():
    assert following_options("resnet20", (1, 8, 8)) == {"in_channels": 1}
    assert following_options("maxout-teacher", (1, 16, 16)) == {"in_channels": 1, "image_size": 16}
