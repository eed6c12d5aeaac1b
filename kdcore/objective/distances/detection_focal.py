"""Focal and global distillation: maps compared within boxes, outside them, and by how their positions relate."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from kdcore.objective.distances.base import Context, Shape, same_shape
from kdcore.objective.distances.maps import as_maps
from kdcore.objective.distances.masks import UNLABELLED
from kdcore.objective.distances.sized import Sized
from kdcore.spec.rooms.detection import FocalOptions


class Focal(Sized):
    """``alpha L_fg + beta L_bg + gamma L_at + relation L_rela``, each a sum divided by the batch.

    Yang et al. 2022 (FGD), sections 3.1 and 3.2. With the teacher's attention ``S = HW softmax(mean_c |t| / T)`` over
    positions and ``C = C softmax(mean_hw |t| / T)`` over channels, ``L_fg = Σ M_fg S C (s - t)²``, ``L_bg`` likewise;
    ``L_at`` are the absolute differences of both attentions; ``L_rela = Σ (G_s(s) - G_t(t))²`` with a learned global
    context block for each side, whose last layers begin at zero as in the published code. Zero at equality as long as
    both blocks say the same, as they do at first.

    Maps [B, C, H, W] of equal shapes, target [B, M, 5] in pixels of the pictures that the context's
    ``student_network`` saw. A picture whose boxes are unknown has neither foreground nor background.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"target", "student_network"})
    over_labelled: ClassVar[bool] = False
    contexts: nn.ModuleList | None

    def __init__(self, options: FocalOptions) -> None:
        super().__init__()
        self.options = options
        self.register_module("contexts", None)

    def build(self, student: Shape, teacher: Shape, samples: int) -> None:
        self.contexts = nn.ModuleList([GlobalContext(teacher[1]), GlobalContext(teacher[1])])

    def trial(self, count: int) -> Tensor:
        return torch.zeros(count, 1, 5)

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert target is not None
        followed = same_shape(as_maps(student, "fgd"), teacher, "fgd")
        self.ready(student, followed)
        assert self.contexts is not None
        options = self.options
        inside, outside = masks(target, context["student_network"].picture, student)
        places, channels = attention(followed, options.temperature)
        own_places, own_channels = attention(student, options.temperature)
        gap = (student - followed).square() * places * channels
        focal = (gap * (options.alpha * inside + options.beta * outside)).sum()
        seen = (own_places - places).abs().sum() + (own_channels - channels).abs().sum()
        related = (self.contexts[0](student) - self.contexts[1](followed)).square().sum()
        total: Tensor = focal + options.gamma * seen + options.relation * related
        return total / len(student)


class GlobalContext(nn.Module):
    """What all positions together say, added to each of them: a GcBlock (Cao et al. 2019) as FGD's code has it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = max(channels // 2, 1)
        self.weigh = nn.Conv2d(channels, 1, 1)
        last = nn.Conv2d(half, channels, 1)
        self.add = nn.Sequential(nn.Conv2d(channels, half, 1), nn.LayerNorm([half, 1, 1]), nn.ReLU(), last)
        nn.init.kaiming_normal_(self.weigh.weight, mode="fan_in")
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]  # a bias is there by default

    def forward(self, maps: Tensor) -> Tensor:
        """[B, C, H, W] to the same shape."""
        weights = self.weigh(maps).flatten(2).softmax(-1)  # [B, 1, HW]
        summary = (maps.flatten(2) * weights).sum(-1)[:, :, None, None]
        added: Tensor = maps + self.add(summary)
        return added


def attention(maps: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Where and in which channels a map is active: [B, 1, H, W] with mean 1, and [B, C, 1, 1] with mean 1."""
    batch, channels, height, width = maps.shape
    active = maps.abs()
    places = height * width * (active.mean(1).flatten(1) / temperature).softmax(1)
    which = channels * (active.mean((2, 3)) / temperature).softmax(1)
    return places.view(batch, 1, height, width), which[:, :, None, None]


def masks(target: Tensor, picture: tuple[int, int], like: Tensor) -> tuple[Tensor, Tensor]:
    """Foreground and background of maps [B, C, H, W]: [B, 1, H, W] each.

    A position within a box has one over the box's area in positions, the largest where boxes overlap; the positions
    outside all boxes share 1. Corners are rounded outwards, as in the published code.

    Args:
        target: boxes [B, M, 5] in pixels; class below 0 is no box.
        picture: height and width of the pictures.
        like: the maps, for shape, device and precision.

    Raises:
        ValueError: targets that are no boxes.
    """
    if target.ndim != 3 or target.shape[2] != 5:
        raise ValueError(f"fgd reads boxes [B, M, 5]: class, x1, y1, x2, y2 (got {tuple(target.shape)})")
    height, width = like.shape[2:]
    kind, x1, y1, x2, y2 = target.to(like.device, torch.float32).unbind(2)
    rows, columns = torch.arange(height, device=like.device), torch.arange(width, device=like.device)
    top, bottom = (y1 * height / picture[0]).floor(), (y2 * height / picture[0]).ceil()
    left, right = (x1 * width / picture[1]).floor(), (x2 * width / picture[1]).ceil()
    within_rows = (rows >= top[..., None]) & (rows <= bottom[..., None])
    within_columns = (columns >= left[..., None]) & (columns <= right[..., None])
    within = within_rows[..., :, None] & within_columns[..., None, :] & (kind >= 0)[..., None, None]  # [B, M, H, W]
    area = (bottom + 1 - top) * (right + 1 - left)
    inside = (within / area.clamp(min=1)[..., None, None]).amax(1) if target.shape[1] else within.sum(1).float()
    known = (kind != UNLABELLED).all(1)[:, None, None]
    outside = ((inside == 0) & known).float()
    outside = outside / outside.sum((1, 2), keepdim=True).clamp(min=1)
    return inside[:, None].to(like.dtype), outside[:, None].to(like.dtype)
