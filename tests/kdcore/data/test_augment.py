"""Changes of single pictures: what the options do, how often, and that a picture's key alone decides."""

import pytest
import torch
from batching import batches, by_place, noise
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.data import dice
from kdcore.data.augment import LARGEST, SMALLEST, Changer
from kdcore.data.sampler import occurrences
from kdcore.spec.training import Augment, RandAugment, Sampler

EVERYTHING = {
    "shift": 2,
    "flip": True,
    "rotate": 20,
    "randaugment": RandAugment(operations=2, magnitude=15),
    "color": 0.4,
    "erase": 0.5,
}


def keys(count):
    return dice.keys(0, 0, torch.arange(count))


def pictures_of(epoch=0, first=0, **options):
    return by_place(batches(**EVERYTHING, **options), epoch, first)


@pytest.mark.parametrize("size", [1, 2, 5, 8, 20, 40])
def test_a_pictures_changes_do_not_depend_on_the_size_of_the_batch(size):
    found, expected = pictures_of(3, size=size, steps=40 // size), pictures_of(3)
    for place in range(40):
        assert torch.equal(found[place][0], expected[place][0])


@pytest.mark.parametrize("sampler", [Sampler(classes=2, per_class=5), Sampler(weights="balanced")])
def test_a_picture_is_changed_alike_whatever_sampler_chose_it(sampler):
    labels = torch.arange(40) % 4
    found, expected = pictures_of(3, labels=labels, sampler=sampler), pictures_of(3)
    assert found
    for place, shown in found.items():
        assert torch.equal(shown[0], expected[place][0])


def test_a_picture_that_is_shown_twice_in_an_epoch_is_changed_differently():
    shown = pictures_of(candidates=torch.tensor([3, 4, 5]))
    assert set(shown) == {3, 4, 5}
    for images in shown.values():
        assert len(torch.stack(images).flatten(1).unique(dim=0)) > len(images) // 2


@pytest.mark.parametrize("first", [1, 3])
def test_a_restart_within_an_epoch_shows_the_same_pictures(first):
    rest, whole = pictures_of(1, first), pictures_of(1)
    assert len(rest) == 40 - 10 * first
    assert all(torch.equal(rest[place][0], whole[place][0]) for place in rest)


def test_another_epoch_and_another_seed_change_pictures_differently():
    base = pictures_of(0)
    for other in (pictures_of(1), pictures_of(0, seed=1)):
        assert sum(torch.equal(base[place][0], other[place][0]) for place in range(40)) <= 4


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([1, 3, 4]), st.integers(3, 20), st.integers(3, 20), st.integers(1, 9))
def test_every_shape_keeps_its_shape_and_stays_finite(channels, height, width, count):
    images = noise(count, (channels, height, width))
    changer = Changer(Augment(**EVERYTHING))
    changed = changer.changed(images, keys(count))
    assert changed.shape == images.shape
    assert changed.dtype == torch.uint8
    assert changer.erased(changed.float(), keys(count)).isfinite().all()


def test_half_of_the_pictures_are_mirrored():
    images = noise(2000, (1, 1, 4))
    found = Changer(Augment(flip=True)).changed(images, keys(2000))
    same, turned = ((found == other).flatten(1).all(1) for other in (images, images.flip(3)))
    assert (same | turned).all()
    assert abs(turned.float().mean() - 0.5) < 0.05


def test_all_shifts_come_equally_often():
    images = torch.zeros(9000, 1, 5, 5, dtype=torch.uint8)
    images[:, :, 2, 2] = 1
    found = Changer(Augment(shift=1)).changed(images, keys(9000)).float().mean((0, 1))
    assert (found[1:4, 1:4] - 1 / 9).abs().max() < 0.015
    assert found.sum() == pytest.approx(1)


def test_turns_reach_as_far_as_asked_and_average_out():
    images = torch.zeros(600, 1, 41, 41, dtype=torch.uint8)
    images[:, :, 20, 40] = 255  # a point to the right of the centre
    found = Changer(Augment(rotate=30)).changed(images, keys(600)).float().sum((0, 1))
    heights = found.sum(1) / found.sum()
    assert heights[:10].sum() + heights[31:].sum() == 0  # sin 30° of the radius 20 is 10
    assert heights[10:14].sum() > 0.1
    assert heights[27:31].sum() > 0.1
    assert abs((heights * torch.arange(-20, 21)).sum()) < 1


def test_color_moves_brightness_and_contrast_within_the_strength():
    images = noise(2000, (3, 8, 8)) // 4 + 96
    found = Changer(Augment(color=0.2)).changed(images, keys(2000)).float()
    before = images.float()
    brightness = found.mean((1, 2, 3)) / before.mean((1, 2, 3))
    assert 0.79 < brightness.min() < 0.82
    assert 1.18 < brightness.max() < 1.21
    assert abs(brightness.mean() - 1) < 0.01
    spread = found.std((1, 2, 3)) / before.std((1, 2, 3)) / brightness
    assert 0.77 < spread.min() < 0.85
    assert 1.15 < spread.max() < 1.23
    assert abs(torch.corrcoef(torch.stack([brightness, spread]))[0, 1]) < 0.1


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 20, 48)])
def test_a_share_of_the_pictures_loses_one_rectangle_of_the_stated_area(shape):
    images = torch.ones(2000, *shape)
    wiped = (Changer(Augment(erase=0.3)).erased(images, keys(2000)) == 0).all(1)
    hit = wiped.flatten(1).any(1)
    assert abs(hit.float().mean() - 0.3) < 0.04
    area = wiped[hit].flatten(1).float().mean(1)
    assert area.min() > 0.6 * SMALLEST
    assert area.max() < 1.2 * LARGEST
    assert abs(area.mean() - (SMALLEST + LARGEST) / 2) < 0.03
    bounds = wiped[hit].any(2).sum(1) * wiped[hit].any(1).sum(1)
    assert torch.equal(bounds, wiped[hit].flatten(1).sum(1))


def test_the_raw_pictures_stay_as_they_are():
    images = noise()
    before = images.clone()
    for _ in batches(images, **EVERYTHING).epoch(0):
        pass
    assert torch.equal(images, before)


@given(st.lists(st.integers(0, 5), max_size=30))
def test_occurrences_count_what_came_before(order):
    expected = [order[:place].count(entry) for place, entry in enumerate(order)]
    assert occurrences(torch.tensor(order, dtype=torch.long)).tolist() == expected
