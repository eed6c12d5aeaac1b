"""Beam search: several continuations side by side, the best of those that came to an end taken."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kdcore.generate.writers import Prompt, Writer

NEVER = -torch.inf


@dataclass
class _Beams:
    """The state of a search over B prompts with K beams each.

    Attributes:
        running, tokens: scores [B, K] and what is written [B, K, steps] of beams that go on.
        ended, texts: likewise of those that came to an end, best first; a score of ``NEVER`` is none.
        open: bool [B], whether the search for a prompt goes on.
    """

    running: Tensor
    tokens: Tensor
    ended: Tensor
    texts: Tensor
    open: Tensor


@torch.no_grad()
def beam_search(
    writer: Writer, prompt: Prompt, *, beams: int, length_penalty: float = 1.0, early_stopping: bool = False
) -> Tensor:
    """The best continuation of each prompt: int64 [B, steps], padding behind the end.

    A score is the sum of log-probabilities over ``length ** length_penalty``; longer ones win with larger penalties.
    The rules are those of transformers' ``generate``: at each step the 2K best of all beams' continuations are looked
    at; of the first K, those that end are kept if they are among the K best ended ones; the K best others go on. A
    prompt is done when no running beam is better, at its present length, than the worst of K ended ones, or, with
    ``early_stopping``, as soon as K have ended. At the last step all end.
    """
    rows, device = len(prompt.prefix), prompt.prefix.device
    memory = writer.start(prompt.source.repeat_interleave(beams, 0))
    given = prompt.prefix.repeat_interleave(beams, 0)
    state = _Beams(
        running=torch.full((rows, beams), NEVER, device=device),
        tokens=given.new_full((rows, beams, prompt.steps), prompt.padding),
        ended=torch.full((rows, beams), NEVER, device=device),
        texts=given.new_full((rows, beams, prompt.steps), prompt.padding),
        open=torch.ones(rows, dtype=torch.bool, device=device),
    )
    state.running[:, 0] = 0  # all beams begin alike: only one of them counts
    for step in range(prompt.steps):
        said = writer.advance(given, memory)[:, -1].float().log_softmax(-1)
        kept = _step(state, said.view(rows, beams, -1), step, prompt, length_penalty)
        best, worst = state.running[:, 0] / (step + 1) ** length_penalty, state.ended[:, -1]
        full = worst > NEVER
        state.open &= ~full if early_stopping else ~full | (best > worst)
        if not bool(state.open.any()):
            break
        memory.select((kept + torch.arange(rows, device=device)[:, None] * beams).flatten())
        given = state.tokens[:, :, step].flatten()[:, None]
    return state.texts[:, 0]


def _step(state: _Beams, said: Tensor, step: int, prompt: Prompt, length_penalty: float) -> Tensor:
    """Move the beams on by log-probabilities [B, K, V]; returns the beams that they come from, [B, K]."""
    beams, vocabulary = said.shape[1:]
    scores, places = (state.running[:, :, None] + said).flatten(1).topk(2 * beams)
    origin, token = places // vocabulary, places % vocabulary
    texts = _picked(state.tokens, origin)
    texts[:, :, step] = token
    last = step + 1 == prompt.steps
    ends = torch.full_like(token, last, dtype=torch.bool)
    if prompt.end is not None:
        ends = ends | token.eq(prompt.end)
    counts = ends & state.open[:, None]
    counts[:, beams:] = False
    finished = (scores / (step + 1) ** length_penalty).masked_fill(~counts, NEVER)
    state.ended, best = torch.cat([state.ended, finished], 1).topk(beams)
    state.texts = _picked(torch.cat([state.texts, texts], 1), best)
    state.running, going = scores.masked_fill(ends, NEVER).topk(beams)
    state.tokens = _picked(texts, going)
    return origin.gather(1, going)


def _picked(texts: Tensor, places: Tensor) -> Tensor:
    """Of texts [B, M, steps] those at ``places`` [B, K]: [B, K, steps]."""
    return texts.gather(1, places[:, :, None].expand(-1, -1, texts.shape[2]))
