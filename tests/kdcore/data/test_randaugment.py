"""RandAugment's operations against torchvision's, picture by picture, and how they are drawn."""

import math

import pytest
import torch
from batching import noise
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as pictures

from kdcore.data import dice, tone
from kdcore.data.randaugment import OPERATIONS, randaugmented
from kdcore.spec.training import RandAugment

SHAPES = [(3, 32, 32), (1, 28, 28), (3, 20, 33)]
STRENGTHS = [0.3, 0.7, 1.0]


def smooth(shape, count=3):
    coarse = noise(count, (shape[0], 5, 5)).float()
    return torch.nn.functional.interpolate(coarse, shape[1:], mode="bicubic").clamp(0, 255).to(torch.uint8)


def signs(count=3):
    return torch.tensor([1, -1, 1])[:count]


def affine(image, *, angle=0.0, translate=(0, 0), shear=(0.0, 0.0), corner=True):
    return pictures.affine(
        image, angle, list(translate), 1.0, list(shear), InterpolationMode.NEAREST, center=[0, 0] if corner else None
    )


def degrees(slope):
    return math.degrees(math.atan(slope))


def reference(name, image, sign, strength):
    """One picture through torchvision's operation of the same name."""
    height, width = image.shape[1:]
    factor = 1 + sign * 0.9 * strength
    return {
        "identity": lambda: image,
        "shear_x": lambda: affine(image, shear=(degrees(sign * 0.3 * strength), 0.0)),
        "shear_y": lambda: affine(image, shear=(0.0, degrees(sign * 0.3 * strength))),
        "translate_x": lambda: affine(image, translate=(sign * int(150 / 331 * width * strength), 0), corner=False),
        "translate_y": lambda: affine(image, translate=(0, sign * int(150 / 331 * height * strength)), corner=False),
        "rotate": lambda: pictures.rotate(image, sign * 30 * strength),
        "brightness": lambda: pictures.adjust_brightness(image, factor),
        "color": lambda: pictures.adjust_saturation(image, factor),
        "contrast": lambda: pictures.adjust_contrast(image, factor),
        "sharpness": lambda: pictures.adjust_sharpness(image, factor),
        "posterize": lambda: pictures.posterize(image, 8 - round(4 * strength)),
        "solarize": lambda: pictures.solarize(image, 255 * (1 - strength)),
        "autocontrast": lambda: pictures.autocontrast(image),
        "equalize": lambda: pictures.equalize(image),
    }[name]()


GEOMETRY = ["shear_x", "shear_y", "translate_x", "translate_y", "rotate"]
EXACT = ["identity", "posterize", "solarize", "equalize", "translate_x", "translate_y"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_torchvisions(name, strength, shape):
    images = smooth(shape)
    found = OPERATIONS[name](images, signs(), strength)
    expected = torch.stack(
        [reference(name, image, sign, strength) for image, sign in zip(images, signs().tolist(), strict=True)]
    )
    if name in EXACT:
        assert torch.equal(found, expected)
    elif name in GEOMETRY:  # pixels that lie between two are given to the other one by rounding
        assert (found != expected).float().mean() < 0.02
    else:  # torchvision cuts levels off, we round them
        assert (found.int() - expected.int()).abs().max() <= 2


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - {"identity"}))
def test_an_operation_changes_a_colourful_picture_and_keeps_its_shape(name):
    images = noise(3, (3, 24, 20)) // 2 + 40
    found = OPERATIONS[name](images, signs(), 0.8)
    assert found.shape == images.shape
    assert found.dtype == torch.uint8
    assert not torch.equal(found, images)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 2, 5), (1, 3, 3)])
def test_tiny_and_constant_pictures_survive(name, shape):
    images = torch.full((3, *shape), 7, dtype=torch.uint8)
    assert OPERATIONS[name](images, signs(), 1.0).shape == images.shape


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_treats_a_picture_alike_in_any_batch(name):
    images, own = noise(37, (3, 9, 13)), 2 * (torch.arange(37) % 2) - 1
    whole = OPERATIONS[name](images, own, 0.6)
    assert torch.equal(whole[5:], OPERATIONS[name](images[5:], own[5:], 0.6))
    single = [OPERATIONS[name](images[i : i + 1], own[i : i + 1], 0.6) for i in range(37)]
    assert torch.equal(whole, torch.cat(single))


def test_brightness_moves_the_mean_and_contrast_the_deviation_by_the_factor():
    images = noise(4, (3, 32, 32)) // 4 + 60
    factors = torch.tensor([0.5, 0.9, 1.2, 1.5])
    before, bright, contrast = images.float(), tone.brightened(images, factors), tone.contrasted(images, factors)
    torch.testing.assert_close(bright.float().mean((1, 2, 3)), before.mean((1, 2, 3)) * factors, rtol=0.01, atol=0)
    torch.testing.assert_close(contrast.float().mean((1, 2, 3)), before.mean((1, 2, 3)), rtol=0.01, atol=0)
    torch.testing.assert_close(contrast.float().std((1, 2, 3)), before.std((1, 2, 3)) * factors, rtol=0.02, atol=0)


def keys(count, epoch=0):
    return dice.keys(0, epoch, torch.arange(count))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([1, 3]), st.integers(4, 12), st.integers(4, 12), st.integers(1, 4), st.integers(0, 30))
def test_a_batch_is_its_pictures_one_by_one(channels, height, width, operations, magnitude):
    images, options = noise(12, (channels, height, width)), RandAugment(operations=operations, magnitude=magnitude)
    whole = randaugmented(images, keys(12), options)
    single = [randaugmented(images[i : i + 1], keys(12)[i : i + 1], options) for i in range(12)]
    assert torch.equal(whole, torch.cat(single))


def test_each_operation_is_drawn_equally_often():
    kinds = dice.whole(keys(20_000), "kind", len(OPERATIONS), 2)
    assert (torch.bincount(kinds.flatten()) / kinds.numel() - 1 / len(OPERATIONS)).abs().max() < 0.005


def test_each_picture_goes_through_what_was_drawn_for_it_one_way_or_the_other():
    images = smooth((3, 20, 20), 1).expand(600, -1, -1, -1)
    found = randaugmented(images, keys(600), RandAugment(operations=1, magnitude=30))
    kinds = dice.whole(keys(600), "kind", len(OPERATIONS))[:, 0]
    for kind, (name, operation) in enumerate(OPERATIONS.items()):
        shown = found[kinds == kind]
        plus, minus = (operation(images[: len(shown)], torch.full((len(shown),), sign), 1.0) for sign in (1, -1))
        forth, back = ((shown == one).flatten(1).all(1) for one in (plus, minus))
        assert (forth | back).all()
        assert torch.equal(plus, minus) or 0.2 < forth.float().mean() < 0.8, name


def test_the_given_pictures_stay_as_they_are():
    images = noise(30)
    before = images.clone()
    assert not torch.equal(randaugmented(images, keys(30), RandAugment()), images)
    assert torch.equal(images, before)


def test_magnitude_zero_leaves_all_but_what_has_no_strength():
    images, options = noise(200), RandAugment(operations=1, magnitude=0)
    same = (randaugmented(images, keys(200), options) == images).flatten(1).all(1)
    kinds = [list(OPERATIONS)[kind] for kind in dice.whole(keys(200), "kind", len(OPERATIONS))[:, 0].tolist()]
    for kind, unchanged in zip(kinds, same.tolist(), strict=True):
        # At magnitude 0 the level 255 itself is solarised, as in torchvision.
        assert unchanged or kind in {"autocontrast", "equalize", "solarize"}
