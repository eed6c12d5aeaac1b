"""Batches depend on seed, epoch and index only."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.data import Examples
from kdcore.data.batches import Batches, Normalise
from kdcore.data.warp import shifted
from kdcore.spec.training import Augment


def make(count=40, candidates=None, steps=4, size=10, seed=0, **augment):
    images = torch.arange(count, dtype=torch.uint8).view(count, 1, 1, 1).expand(count, 1, 5, 5).contiguous()
    return Batches(
        Examples(images, torch.arange(count)),
        torch.arange(count),
        torch.arange(count) if candidates is None else candidates,
        steps=steps,
        batch_size=size,
        seed=seed,
        augment=Augment(**augment),
        normalise=Normalise((0.0,), (1 / 255,)),
    )


def indices(batches, epoch=0, first=0):
    return torch.cat([batch.index for batch in batches.epoch(epoch, first)])


def test_an_epoch_shows_every_picture_once():
    assert sorted(indices(make()).tolist()) == list(range(40))


def test_pictures_and_labels_belong_to_their_index():
    for batch in make().epoch(3):
        assert torch.equal(batch.targets, batch.index)
        assert torch.equal(batch.inputs[:, 0, 2, 2], batch.index.float())


@pytest.mark.parametrize("first", [0, 1, 3])
def test_an_epoch_taken_up_in_the_middle_goes_on_with_the_same_batches(first):
    whole = list(make(shift=2, flip=True).epoch(1))[first:]
    rest = list(make(shift=2, flip=True).epoch(1, first))
    assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(whole, rest, strict=True))


def test_epochs_and_seeds_differ():
    assert not torch.equal(indices(make(), 0), indices(make(), 1))
    assert not torch.equal(indices(make(seed=0)), indices(make(seed=1)))


def test_few_candidates_are_passed_over_as_often_as_the_steps_need():
    drawn = indices(make(candidates=torch.tensor([3, 5, 8]), steps=4, size=10))
    counts = torch.bincount(drawn)[[3, 5, 8]]
    assert counts.sum() == 40
    assert counts.max() - counts.min() <= 1


@settings(max_examples=30, deadline=None)
@given(st.integers(-3, 3), st.integers(-3, 3))
def test_a_shift_moves_the_picture_and_fills_with_black(down, right):
    image = torch.arange(1, 26, dtype=torch.uint8).view(1, 1, 5, 5)
    moved = shifted(image, torch.tensor([[down, right]]), 3)[0, 0]
    for row in range(5):
        for column in range(5):
            inside = 0 <= row - down < 5 and 0 <= column - right < 5
            assert moved[row, column] == (image[0, 0, row - down, column - right] if inside else 0)


def test_normalised_training_pictures_have_mean_zero_and_deviation_one():
    images = torch.randint(0, 256, (100, 2, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    scaled = images.double() / 255
    mean, std = scaled.mean((0, 2, 3)), scaled.std((0, 2, 3), correction=0)
    out = Normalise(tuple(mean.tolist()), tuple(std.tolist()))(images)
    torch.testing.assert_close(out.mean((0, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.std((0, 2, 3), correction=0), torch.ones(2), atol=1e-5, rtol=0)
