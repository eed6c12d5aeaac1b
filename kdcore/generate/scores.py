"""How near written texts are to their references: BLEU, chrF and ROUGE-L as functions of sums over the examples.

What is counted of an example is sacrebleu's and rouge-score's own; the figures of a sum are their formulas, written for
many sums at once, so that resampling the examples costs a matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from torch import Tensor

BLEU_ORDER, CHRF_ORDER = 4, 6
CHRF_BETA2 = 4.0
"""Square of chrF's beta of 2: recall counts twice as much as precision."""
SIZES = [2 + 2 * BLEU_ORDER, 3 * CHRF_ORDER, 1, 1]
"""Columns of BLEU, chrF, ROUGE-L, and of the count of examples."""
COLUMNS = sum(SIZES)


def statistics(texts: Sequence[str], references: Sequence[Sequence[str]]) -> Tensor:
    """A row for each text: float64 [N, COLUMNS]; zeros where there is no reference.

    BLEU (13a tokens): lengths of text and nearest reference, matches and totals of 1- to 4-grams. chrF: n-grams of
    text, best reference and both, of 1 to 6 characters. ROUGE-L: the F of the best reference. And 1.
    """
    rows = [_row(text, given) for text, given in zip(texts, references, strict=True)]
    return torch.tensor(rows, dtype=torch.float64).view(len(rows), COLUMNS)


def _row(text: str, references: Sequence[str]) -> list[float]:
    if not references:
        return [0.0] * COLUMNS
    bleu, chrf, rouge = _counters()
    streams = [[reference] for reference in references]
    (matches,) = bleu._extract_corpus_statistics([text], streams)
    (grams,) = chrf._extract_corpus_statistics([text], streams)
    return [*matches, *grams, rouge.score_multi(references, text)["rougeL"].fmeasure, 1.0]


@cache
def _counters() -> tuple[BLEU, CHRF, RougeScorer]:
    return BLEU(force=True), CHRF(), RougeScorer(["rougeL"])


def figures(sums: Tensor) -> dict[str, Tensor]:
    """Corpus figures from 0 to 1 of sums of rows [..., COLUMNS]: each [...]."""
    matches, grams, rouge, count = torch.split(sums, SIZES, -1)
    return {
        "bleu": bleu(matches),
        "chrf": chrf(grams),
        "rouge_l": (rouge / count.clamp(min=1)).squeeze(-1),
    }


def bleu(sums: Tensor) -> Tensor:
    """Papineni et al. 2002, section 2.3, with the exponential smoothing that is sacrebleu's default."""
    lengths, matches, totals = torch.split(sums, [2, BLEU_ORDER, BLEU_ORDER], -1)
    written, wanted = lengths.unbind(-1)
    missed = matches == 0
    smoothed = torch.where(missed, 1.0 / 2.0 ** missed.cumsum(-1), matches)
    precisions = smoothed / totals.clamp(min=1)
    brevity = (1 - wanted / written.clamp(min=1)).clamp(max=0).exp()
    score = brevity * precisions.log().mean(-1).exp()
    return score.masked_fill((matches.sum(-1) == 0) | (totals == 0).any(-1), 0)


def chrf(sums: Tensor) -> Tensor:
    """Popović 2015 (WMT), section 2, precision and recall averaged over the orders that both sides have."""
    own, wanted, both = sums.reshape(*sums.shape[:-1], CHRF_ORDER, 3).unbind(-1)
    counts = (own > 0) & (wanted > 0)
    orders = counts.sum(-1).clamp(min=1)
    precision = (both / own.clamp(min=1)).masked_fill(~counts, 0).sum(-1) / orders
    recall = (both / wanted.clamp(min=1)).masked_fill(~counts, 0).sum(-1) / orders
    weighted = CHRF_BETA2 * precision + recall
    return (1 + CHRF_BETA2) * precision * recall / weighted.clamp(min=1e-300)
