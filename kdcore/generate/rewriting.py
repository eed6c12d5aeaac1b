"""Examples rewritten: what a network wrote takes the place of what the dataset has behind the prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from kdcore.generate.writers import Prompt
from kdcore.objective.distances.masks import UNLABELLED
from kdcore.spec.generated import WritingPlan

Write = Callable[[Prompt, Tensor], Tensor]
"""Writes behind a prompt of some rows, int64 [B'], of a batch: int64 [B', steps]."""


def written(inputs: Tensor, plan: WritingPlan, write: Write) -> Tensor:
    """What ``write`` says to ``inputs``, int64 [B, S + T]: int64 [B, steps]; prompts of one length at a time."""
    tokens = inputs.new_full((len(inputs), plan.steps), plan.padding)
    for rows, alike in _alike(inputs, plan):
        tokens[rows, : alike.steps] = write(prompt_of(inputs[rows], alike), rows)
    return tokens


def prompt_of(inputs: Tensor, plan: WritingPlan) -> Prompt:
    """What is given of ``inputs`` [B, S + T]: the source, and the first tokens behind it."""
    source, end = plan.source_length, plan.source_length + plan.prompt
    return Prompt(inputs[:, :source], inputs[:, source:end], plan.steps, plan.end, plan.padding)


def rewritten(inputs: Tensor, tokens: Tensor, plan: WritingPlan) -> tuple[Tensor, Tensor]:
    """Inputs [B, S + T] and targets [B, T] in which ``tokens`` [B, steps] stand behind the prompts.

    Targets are the tokens that were written, up to the end that closes them; everything else counts nowhere.
    """
    fed, targets = inputs.clone(), torch.full_like(inputs[:, plan.source_length :], UNLABELLED)
    for rows, alike in _alike(inputs, plan):
        fed[rows], targets[rows] = _rewritten(inputs[rows], tokens[rows, : alike.steps], alike)
    return fed, targets


def _rewritten(inputs: Tensor, tokens: Tensor, plan: WritingPlan) -> tuple[Tensor, Tensor]:
    start, steps = plan.source_length + plan.prompt, tokens.shape[1]
    fed = tokens[:, : inputs.shape[1] - start]
    behind = torch.full_like(inputs[:, start:], plan.padding)
    behind[:, : fed.shape[1]] = fed
    targets = torch.full_like(inputs[:, plan.source_length :], UNLABELLED)
    targets[:, plan.prompt - 1 : plan.prompt - 1 + steps] = tokens.masked_fill(_ended(tokens, plan.end), UNLABELLED)
    return torch.cat([inputs[:, :start], behind], 1), targets


def _alike(inputs: Tensor, plan: WritingPlan) -> Iterator[tuple[Tensor, WritingPlan]]:
    """The rows of each length of prompt, and the plan for it."""
    if plan.separator is None:
        yield torch.arange(len(inputs), device=inputs.device), plan
        return
    lengths = inputs.eq(plan.separator).long().argmax(1) + 1  # where there is none, the first token is the prompt
    for length in torch.unique(lengths).tolist():
        steps = min(plan.steps, inputs.shape[1] - length + 1)
        yield (lengths == length).nonzero().flatten(), plan.model_copy(update={"prompt": length, "steps": steps})


def _ended(tokens: Tensor, end: int | None) -> Tensor:
    """Which tokens stand behind the first end: bool like ``tokens``."""
    if end is None:
        return torch.zeros_like(tokens, dtype=torch.bool)
    ended = tokens.eq(end).long()
    return ended.cumsum(1) - ended > 0
