"""Augmentation replayed from a number of views: pictures that repeat, so that a teacher's outputs can be kept."""

from collections import Counter

import pytest
import torch
from batching import batches, noise
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.spec.training import Augment

OPTIONS = {"shift": 2, "flip": True, "color": 0.5, "erase": 0.5}


def seen(views, epochs, **options):
    """Each picture's views and versions, epoch by epoch."""
    made, shown = batches(noise(20), steps=2, views=views, **OPTIONS, **options), {}
    for epoch in range(epochs):
        for batch in made.epoch(epoch):
            for place, view, image in zip(batch.index.tolist(), batch.view.tolist(), batch.inputs, strict=True):
                shown.setdefault(place, []).append((view, image.numpy().tobytes()))
    return shown


@pytest.mark.parametrize("views", [1, 3, 8])
def test_a_picture_has_exactly_its_views_and_shows_each_once_in_as_many_epochs(views):
    for shown in seen(views, 3 * views).values():
        assert len(set(shown)) == len({image for _, image in shown}) == views
        assert set(Counter(view for view, _ in shown).values()) == {3}
        for block in range(0, 3 * views, views):
            assert len({view for view, _ in shown[block : block + views]}) == views


def test_in_one_view_every_picture_is_changed_in_its_own_way():
    images = noise(1).expand(40, -1, -1, -1).contiguous()
    shown = batches(images, views=2, **OPTIONS).pictures(torch.arange(40), torch.zeros(40, dtype=torch.long))
    assert len(shown.flatten(1).unique(dim=0)) == 40


def test_pictures_are_in_different_views_and_orders_differ():
    orders = [tuple(view for view, _ in shown) for shown in seen(8, 16).values()]
    assert len(set(orders)) == len(orders)
    assert all(order[:8] != order[8:] for order in orders)
    assert len({order[0] for order in orders}) > 4


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 12), st.integers(0, 30), st.sampled_from([1, 4, 10, 20]))
def test_a_batch_is_what_its_index_and_view_stand_for(views, epoch, size):
    made = batches(noise(20), steps=20 // size, size=size, views=views, **OPTIONS)
    for batch in made.epoch(epoch):
        assert torch.equal(made.pictures(batch.index, batch.view), batch.inputs)


def test_a_view_is_the_same_picture_in_any_company():
    made = batches(views=4, **OPTIONS)
    index, view = torch.arange(40).repeat_interleave(4), torch.arange(4).repeat(40)
    whole = made.pictures(index, view)
    order = torch.randperm(160, generator=torch.Generator().manual_seed(0))
    assert torch.equal(made.pictures(index[order], view[order]), whole[order])
    assert torch.equal(made.pictures(index[7:8], view[7:8]), whole[7:8])


def test_a_picture_shown_twice_in_an_epoch_takes_a_view_each_time():
    made = batches(candidates=torch.tensor([1, 2]), views=5, **OPTIONS)
    views = torch.cat([batch.view[batch.index == 1] for batch in made.epoch(0)])
    assert len(views) == 20
    assert len(views.unique()) > 2


def test_views_are_as_varied_as_fresh_draws():
    images = torch.zeros(500, 1, 5, 5, dtype=torch.uint8)
    images[:, :, 2, 2] = 255
    for options in ({}, {"views": 8}):
        made = batches(images, steps=50, shift=1, **options)
        mean = torch.cat([batch.inputs for batch in made.epoch(0)]).mean((0, 1))
        assert ((mean[1:4, 1:4] + 2) / 4 - 1 / 9).abs().max() < 0.05


def test_without_changes_there_is_one_view_and_pictures_are_as_they_are():
    for options in ({}, {"views": 8}):
        made = batches(**options)
        assert made.augment.versions == 1
        for batch in made.epoch(2):
            assert batch.view.tolist() == [0] * 10
            assert torch.equal(batch.inputs, made.pictures(batch.index, batch.view))


def test_pictures_that_do_not_repeat_have_no_views():
    with pytest.raises(ValueError, match="drawn anew each epoch"):
        batches(shift=1).pictures(torch.arange(2), torch.zeros(2, dtype=torch.long))


@pytest.mark.parametrize(
    ("options", "versions"),
    [({}, 1), ({"shift": 1}, None), ({"shift": 1, "views": 4}, 4), ({"views": 4}, 1), ({"mixup": 0.2}, None)],
)
def test_an_augmentation_says_how_many_versions_there_are(options, versions):
    assert Augment(**options).versions == versions


def test_the_recipe_names_what_the_pictures_depend_on():
    base = batches(views=4, **OPTIONS).recipe()
    assert batches(views=4, **OPTIONS, size=20, steps=2).recipe() == base
    for other in ({"views": 5}, {"views": 4, "seed": 1}, {"views": 4, "rotate": 3}):
        assert batches(**{**OPTIONS, **other}).recipe() != base
    assert batches(seed=1).recipe() == batches(seed=2).recipe()
