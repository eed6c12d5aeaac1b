"""Moving, mirroring, turning: whole batches against one picture at a time."""

import pytest
import torch
from batching import noise
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as pictures

from kdcore.data import warp

SHAPES = st.tuples(st.sampled_from([1, 3]), st.integers(3, 12), st.integers(3, 12))


@settings(max_examples=30, deadline=None)
@given(SHAPES, st.integers(1, 6), st.integers(0, 99))
def test_a_shift_moves_each_picture_by_its_own_and_fills_with_black(shape, most, seed):
    images = noise(4, shape, seed)
    shifts = torch.randint(-most, most + 1, (4, 2), generator=torch.Generator().manual_seed(seed))
    for image, (down, right), moved in zip(images, shifts.tolist(), warp.shifted(images, shifts, most), strict=True):
        expected = torch.zeros_like(image)
        for row in range(shape[1]):
            for column in range(shape[2]):
                if 0 <= row - down < shape[1] and 0 <= column - right < shape[2]:
                    expected[:, row, column] = image[:, row - down, column - right]
        assert torch.equal(moved, expected)


@given(SHAPES)
def test_only_the_chosen_pictures_are_mirrored(shape):
    images = noise(4, shape)
    found = warp.mirrored(images, torch.tensor([1, 0, 0, 1]))
    assert torch.equal(found[1:3], images[1:3])
    assert torch.equal(found[[0, 3]], images[[0, 3]].flip(3))


@given(SHAPES)
def test_no_turn_and_half_a_turn_are_exact(shape):
    images = noise(2, shape)
    places = torch.tensor([warp.TURNS, 2 * warp.TURNS])
    found = warp.turned(images, places, 180)
    assert torch.equal(found[0], images[0])
    assert torch.equal(found[1], images[1].flip(1, 2))


@pytest.mark.parametrize("shape", [(1, 9, 9), (3, 16, 11)])
def test_turning_right_round_in_quarters_comes_back(shape):
    image = noise(1, shape)
    square = image[:, :, : min(shape[1:]), : min(shape[1:])]
    quarter = warp.turned(square, torch.tensor([2 * warp.TURNS]), 90)
    assert torch.equal(quarter, square.rot90(1, (2, 3)))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 20)])
@pytest.mark.parametrize("degrees", [-30, -7.5, 15])
def test_a_turn_is_torchvisions_with_linear_interpolation(shape, degrees):
    smooth = torch.nn.functional.interpolate(noise(2, (shape[0], 6, 6)).float(), shape[1:], mode="bicubic")
    images = smooth.clamp(0, 255).to(torch.uint8)
    place = torch.full((2,), 2 * warp.TURNS if degrees > 0 else 0)
    found = warp.turned(images, place, abs(degrees))
    expected = pictures.rotate(images, degrees, InterpolationMode.BILINEAR)
    assert (found.int() - expected.int()).abs().float().mean() < 0.5
    inside = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    difference = found[inside].int() - expected[inside].int()
    assert difference.abs().max() <= 2
    assert abs(difference.float().mean()) < 0.1


def test_a_picture_is_turned_alike_in_any_batch():
    images, places = noise(37, (3, 15, 13)), torch.arange(37) * 20
    whole = warp.turned(images, places, 45)
    single = [warp.turned(images[i : i + 1], places[i : i + 1], 45) for i in range(37)]
    assert torch.equal(whole, torch.cat(single))
