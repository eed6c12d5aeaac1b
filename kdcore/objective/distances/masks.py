"""Which tokens count: padding reaches neither a loss nor a gradient, whatever it holds."""

from __future__ import annotations

import torch
from torch import Tensor

from kdcore.objective.distances.base import Context
from kdcore.spec.tasks import UNLABELLED

__all__ = ["UNLABELLED", "counted", "mean_of", "rows_that_count", "tokens"]


def counted(shape: torch.Size, target: Tensor | None, context: Context) -> Tensor | None:
    """Which rows of ``shape`` count: [B] of pictures, or [B, L] of tokens; None for all.

    The context's ``mask`` decides; without it, tokens whose label is ``UNLABELLED`` do not count. Pictures without
    a label count, as only the teacher is asked about them. A mask of tokens says nothing of what a network says about
    the whole sequence.

    Raises:
        ValueError: a mask of another shape.
    """
    mask = context.get("mask")
    if mask is not None and mask.ndim <= len(shape):
        if mask.shape != shape:
            raise ValueError(f"the mask of tokens {tuple(shape)} has shape {tuple(mask.shape)}")
        chosen: Tensor = mask != 0
        return chosen
    if len(shape) > 1 and mask is None and target is not None and target.shape == shape:
        return target != UNLABELLED
    return None


def tokens(feature: Tensor, context: Context) -> Tensor:
    """Which tokens of [B, L, ...] count, as truth values [B, L]: by the context's ``mask``, else all.

    Raises:
        ValueError: a mask of another shape.
    """
    mask = counted(feature.shape[:2], None, context)
    return torch.ones(feature.shape[:2], dtype=torch.bool, device=feature.device) if mask is None else mask


def rows_that_count(student: Tensor, teacher: Tensor, target: Tensor | None, context: Context) -> tuple[Tensor, Tensor]:
    """Both sides' rows [..., N] that count, one below the other: [M, N]."""
    keep = counted(student.shape[:-1], target, context)
    if keep is None:
        return student.flatten(0, -2), teacher.flatten(0, -2)
    return student[keep], teacher[keep]


def mean_of(rows: Tensor) -> Tensor:
    """The mean; zero with a zero gradient when there are no rows."""
    return rows.sum() / max(rows.numel(), 1)
