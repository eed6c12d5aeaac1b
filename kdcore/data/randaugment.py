"""RandAugment on whole batches: each picture goes through operations drawn for it, those of one kind together.

Cubuk, Zoph, Shlens, Le 2020 (arXiv 1909.13719); kinds and strengths are those of torchvision's ``RandAugment`` with 31
magnitudes. Pixels are taken from the nearest place, and black comes in at the edges.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kdcore.data import dice, tone, warp
from kdcore.spec.training import RandAugment

STRONGEST = 30

Operation = Callable[[Tensor, Tensor, float], Tensor]
"""From uint8 [B, C, H, W], signs int64 [B] of -1 and 1, and a strength from 0 to 1, to pictures of the same shape."""


def _identity(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    return images


def _rotate(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    return _by_sign(images, signs, warp.turn(-30 * strength), warp.turn(30 * strength), centred=True)


def _shear_x(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    slope = 0.3 * strength
    return _by_sign(images, signs, (1, -slope, 0, 1), (1, slope, 0, 1), centred=False)


def _shear_y(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    slope = 0.3 * strength
    return _by_sign(images, signs, (1, 0, -slope, 1), (1, 0, slope, 1), centred=False)


def _translate_x(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    return _translated(images, signs * int(150 / 331 * images.shape[3] * strength), torch.zeros_like(signs))


def _translate_y(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    return _translated(images, torch.zeros_like(signs), signs * int(150 / 331 * images.shape[2] * strength))


def _brightness(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    return tone.brightened(images, _factors(signs, strength))


def _contrast(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    return tone.contrasted(images, _factors(signs, strength))


def _color(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    return tone.coloured(images, _factors(signs, strength))


def _sharpness(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    return tone.sharpened(images, _factors(signs, strength))


def _posterize(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    return tone.posterised(images, 8 - round(4 * strength))


def _solarize(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    return tone.solarised(images, 255 * (1 - strength))


def _autocontrast(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    return tone.stretched(images)


def _equalize(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    return tone.equalised(images)


OPERATIONS: dict[str, Operation] = {
    "identity": _identity,
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
    "rotate": _rotate,
    "brightness": _brightness,
    "color": _color,
    "contrast": _contrast,
    "sharpness": _sharpness,
    "posterize": _posterize,
    "solarize": _solarize,
    "autocontrast": _autocontrast,
    "equalize": _equalize,
}


def randaugmented(images: Tensor, keys: Tensor, options: RandAugment) -> Tensor:
    """Each picture through ``options.operations`` operations; a kind may come twice.

    Args:
        images: uint8 [B, C, H, W].
        keys: of the pictures, on the CPU: which pictures go together is decided without asking the device.
    """
    kinds = dice.whole(keys, "kind", len(OPERATIONS), options.operations)
    signs = 2 * dice.whole(keys, "sign", 2, options.operations) - 1
    strength = options.magnitude / STRONGEST
    for turn in range(options.operations):
        changed = images.clone()
        for kind, operation in enumerate(OPERATIONS.values()):
            of_kind = (kinds[:, turn] == kind).nonzero().squeeze(1)
            if len(of_kind):
                places = of_kind.to(images.device, non_blocking=True)
                own = signs[of_kind, turn].to(images.device, non_blocking=True)
                changed.index_copy_(0, places, operation(images.index_select(0, places), own, strength))
        images = changed
    return images


def _factors(signs: Tensor, strength: float) -> Tensor:
    return 1 + signs.float() * (0.9 * strength)


def _by_sign(images: Tensor, signs: Tensor, minus: warp.Matrix, plus: warp.Matrix, *, centred: bool) -> Tensor:
    both = warp.table((minus, plus), images.device)
    return warp.warped(images, both.index_select(0, (signs + 1) // 2), centred=centred)


def _translated(images: Tensor, right: Tensor, down: Tensor) -> Tensor:
    return warp.shifted(images, torch.stack([down, right], 1), max(images.shape[2:]) // 2)
