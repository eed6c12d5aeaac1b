"""Padding of token inputs leaves the objective: which tokens count, and features with nothing where none does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from kdcore.objective.shared import once


@runtime_checkable
class ReadsTokens(Protocol):
    """A network that reads token ids [B, L] and knows which of them are padding."""

    def token_mask(self, ids: Tensor) -> Tensor:
        """Where ``ids`` are real tokens: bool [B, L]."""


@runtime_checkable
class ReadsTexts(Protocol):
    """A network whose parts read different tokens: an encoder the source, a decoder the answer."""

    def token_masks(self, ids: Tensor) -> Mapping[str, Tensor]:
        """Where its parts see real tokens: bool [B, L] by the name of a module, and ``logits`` of what is answered."""


def masks_of(networks: Iterable[nn.Module], ids: Tensor) -> dict[str, Tensor]:
    """The masks of the first of ``networks`` that has such parts, or none."""
    reader = next((network for network in networks if isinstance(network, ReadsTexts)), None)
    return {} if reader is None else dict(reader.token_masks(ids))


def at_point(context: Mapping[str, Any], point: str) -> Mapping[str, Any]:
    """The context with the mask of the part that ``point`` lies in, by its ``masks``; as it is without one."""
    mask = context.get("masks", {}).get(point.partition(".")[0])
    return context if mask is None else {**context, "mask": mask}


def reads_tokens(networks: Iterable[nn.Module]) -> ReadsTokens | None:
    """The first of ``networks`` that reads tokens; all of a job's read the same ones."""
    return next((network for network in networks if isinstance(network, ReadsTokens)), None)


def without_padding(feature: Tensor, mask: Tensor) -> Tensor:
    """Tokens [B, L, D] with zeros where padding stands, so that what stood there changes neither loss nor gradient.

    Anything else is given back as it is: of attention scores the distances that know them say what padding means.

    Args:
        mask: true, or not 0, where tokens count, [B, L].
    """
    if feature.ndim == 3 and feature.shape[:2] == mask.shape:
        return torch.where((mask != 0)[..., None], feature, 0)
    return feature


def unpadded(feature: Tensor, context: Mapping[str, Any]) -> Tensor:
    """``feature`` without what stands at padding, by the context's ``mask``; as it is without one."""
    mask = context.get("mask")
    return feature if mask is None else once(context, without_padding, feature, mask)


def rows_that_count(feature: Tensor, mask: Tensor) -> Tensor:
    """Tokens [B, L, D] that count, as rows [M, D]: one of zeros where there is none. Other features as they are."""
    if feature.ndim != 3 or feature.shape[:2] != mask.shape:
        return feature
    rows = feature[mask != 0]
    return rows if len(rows) else 0 * feature[:1, 0]
