"""Features of many examples, batch by batch, made small on the way: what lies before the last layer, and blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.measure.predict import device_of, evaluating
from kdcore.objective.padding import masks_of, reads_tokens, without_padding
from kdcore.objective.points import Capture

BATCH = 32
MOST_NUMBERS = 2**15
"""Of one example's block; larger ones are averaged over neighbouring positions."""

Reduce = Callable[[Tensor, Tensor | None], Tensor]
"""A feature [B, ...], and bool [B, L] where its tokens count, as rows [B, D]."""


def before_last(network: nn.Module, classifier: str, inputs: Tensor) -> Tensor:
    """What enters the layer that makes the answers: float32 [N, D] on the CPU, the mean over positions."""
    point = f"{classifier}@in"
    return _captured(network, [point], inputs, pooled)[point]


def of_blocks(network: nn.Module, blocks: Sequence[str], inputs: Tensor) -> list[Tensor]:
    """What leaves each block: float32 [N, D] on the CPU, with all its positions."""
    found = _captured(network, blocks, inputs, flattened)
    return [found[block] for block in blocks]


@torch.no_grad()
def _captured(network: nn.Module, points: Sequence[str], inputs: Tensor, reduce: Reduce) -> dict[str, Tensor]:
    """Inputs [N, ...] as the network takes them; features by point."""
    found: dict[str, list[Tensor]] = {point: [] for point in points}
    device = device_of(network)
    with evaluating(network), Capture(network, points) as capture:
        for part in torch.split(inputs, BATCH):
            batch = part.to(device)
            masks = _masks(network, batch, points)
            for point, feature in capture(batch).items():
                found[point].append(reduce(feature, masks.get(point)).float().cpu())
    return {point: torch.cat(parts) for point, parts in found.items()}


def _masks(network: nn.Module, ids: Tensor, points: Sequence[str]) -> Mapping[str, Tensor | None]:
    """Where tokens count at each point; nothing of networks that read none."""
    of_parts, reader = masks_of([network], ids), reads_tokens([network])
    whole = None if reader is None else reader.token_mask(ids)
    return {point: of_parts.get(point.partition(".")[0], whole) for point in points}


def pooled(feature: Tensor, mask: Tensor | None) -> Tensor:
    """The mean over positions: of maps [B, C, ...] all behind the channels, of tokens [B, L, D] those that count."""
    if feature.ndim == 3 and mask is not None and feature.shape[:2] == mask.shape:
        weights = mask.unsqueeze(-1).to(feature.dtype)
        return (feature * weights).sum(1) / weights.sum(1).clamp(min=1)
    if feature.ndim <= 2:
        return feature.flatten(1)
    return feature.mean(1) if feature.ndim == 3 else feature.flatten(2).mean(2)


def flattened(feature: Tensor, mask: Tensor | None) -> Tensor:
    """All numbers of each example, tokens that do not count as zeros."""
    plain = feature if mask is None else without_padding(feature, mask)
    if plain[0].numel() <= MOST_NUMBERS:
        return plain.flatten(1)
    if plain.ndim == 4:
        side = max(1, int((MOST_NUMBERS / plain.shape[1]) ** 0.5))
        return F.adaptive_avg_pool2d(plain, side).flatten(1)
    return pooled(feature, mask)
