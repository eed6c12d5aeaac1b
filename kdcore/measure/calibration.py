"""How far a network's confidence can be believed: reliability bins, and the calibration error that they add up to."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.measure.documents import Reliability, ReliabilityBin
from kdcore.measure.quality import correct

BINS = 15


def reliability(logits: Tensor, labels: Tensor, *, bins: int = BINS) -> Reliability:
    """Confidence against accuracy over equal-width bins (i/M, (i+1)/M] of logits [N, K] and labels [N].

    Guo et al. (2017), equations 1 and 2, and of them the expected calibration error, equation 3: the mean gap of the
    bins, each weighted by its share of the examples. Confidence is the largest softmax probability.
    """
    confidence = F.softmax(logits.double(), dim=1).amax(dim=1)
    right = correct(logits, labels).double()
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1
    counts, sure, hits = (_summed(place, one, bins) for one in (torch.ones_like(right), confidence, right))
    error = float((sure - hits).abs().sum() / len(labels))
    rows = zip(counts.tolist(), sure.tolist(), hits.tolist(), strict=True)
    return Reliability(error=error, bins=[_bin(number, bins, *row) for number, row in enumerate(rows)])


def calibration_error(logits: Tensor, labels: Tensor, *, bins: int = BINS) -> float:
    """Expected calibration error; see ``reliability``."""
    return reliability(logits, labels, bins=bins)["error"]


def _summed(place: Tensor, values: Tensor, bins: int) -> Tensor:
    return torch.zeros(bins, dtype=torch.float64).index_add_(0, place, values)


def _bin(number: int, bins: int, count: float, sure: float, hits: float) -> ReliabilityBin:
    return ReliabilityBin(
        low=number / bins,
        high=(number + 1) / bins,
        examples=round(count),
        confidence=sure / count if count else None,
        accuracy=hits / count if count else None,
    )
