"""Splits are stratified, seeded, disjoint, and the test split stays closed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import dataset

from kdcore.data import Examples, TestSplitClosed, load, open_data, read
from kdcore.data.splits import divide, stratified
from kdcore.errors import EngineError
from kdcore.spec.dataset_plan import Counts
from kdcore.spec.job import Splits


def digits_plan(train=1294, validation=144, test=359, limit=None, seed=0, name="digits", path=None):
    counts = Counts(train=train, validation=validation, test=test)
    return dataset(name=name, path=path, splits=Splits(seed=seed), limit=limit, counts=counts)


def test_digits_are_1797_grey_pictures_of_eight_by_eight():
    digits = read("digits")
    assert tuple(digits.inputs.shape) == (1797, 1, 8, 8)
    assert digits.inputs.dtype == torch.uint8
    assert digits.inputs.max() == 255


def test_the_three_splits_share_no_picture_and_cover_all():
    data = open_data(digits_plan())
    everything = torch.cat([data.train.inputs, data.validation.inputs, data.open_test().inputs]).flatten(1)
    assert torch.equal(everything.sort(0).values, read("digits").inputs.flatten(1).sort(0).values)


def test_the_test_split_is_refused_until_it_is_opened():
    data = open_data(digits_plan())
    with pytest.raises(TestSplitClosed, match="choose by the validation split"):
        _ = data.test
    data.open_test()
    assert len(data.test) == 359


def test_another_seed_draws_another_test_split():
    first, second = (open_data(digits_plan(seed=seed)).open_test() for seed in (0, 1))
    assert not torch.equal(first.inputs, second.inputs)


def test_a_limit_takes_fewer_training_pictures_and_leaves_the_others():
    whole, small = open_data(digits_plan()), open_data(digits_plan(train=200, limit=200))
    assert len(small.train) == 200
    assert small.sha256()["test"] == whole.sha256()["test"]


@settings(max_examples=50)
@given(st.lists(st.integers(0, 6), min_size=20, max_size=200), st.floats(0.05, 0.9), st.integers(0, 9))
def test_a_stratified_draw_has_the_asked_size_and_every_class_within_one_of_its_share(labels, share, seed):
    labels = torch.tensor(labels)
    count = max(1, int(share * len(labels)))
    chosen = stratified(labels, count, seed, "any")
    assert len(set(chosen.tolist())) == count
    expected = torch.bincount(labels).double() * count / len(labels)
    found = torch.bincount(labels[chosen], minlength=len(expected)).double()
    assert ((found - expected).abs() < 1).all()


def test_dividing_keeps_the_order_of_what_is_left():
    pictures = Examples(torch.arange(50, dtype=torch.uint8).view(50, 1, 1, 1), torch.arange(50) % 5)
    part, rest = divide(pictures, 10, 0, "any")
    for half in (part, rest):
        assert torch.equal(half.inputs.flatten(), half.inputs.flatten().sort().values)


def test_a_dataset_that_needs_a_folder_says_which_variable_names_it(monkeypatch):
    monkeypatch.delenv("DISTILLERY_DATA", raising=False)
    with pytest.raises(EngineError, match="set DISTILLERY_DATA") as caught:
        read("mnist")
    assert caught.value.param == "/dataset/path"


def test_an_unreadable_data_folder_is_named(tmp_path):
    with pytest.raises(EngineError, match="is no readable folder"):
        read("mnist", folder=tmp_path / "nothing")


def test_a_folder_without_the_dataset_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(EngineError, match="put torchvision's files there"):
        read("mnist", folder=tmp_path)


def test_load_gives_the_splits_that_a_job_has():
    data = open_data(digits_plan())
    assert torch.equal(load("digits", "test").inputs, data.open_test().inputs)
    assert torch.equal(load("digits").targets, data.train.targets)
    with pytest.raises(EngineError, match="no split 'dev'; splits: train, validation, test"):
        load("digits", "dev")
