"""One token after the other: always the likeliest one, or drawn from what the network says."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kdcore.generate.writers import Prompt, Writer


@torch.no_grad()
def greedy(writer: Writer, prompt: Prompt) -> Tensor:
    """The likeliest token at each step, the first one of equals: int64 [B, steps], padding behind the end."""
    return _write(writer, prompt, lambda logits, _: logits.argmax(-1))


@torch.no_grad()
def sample(
    writer: Writer, prompt: Prompt, fractions: Tensor, *, temperature: float = 1.0, top_p: float = 1.0
) -> Tensor:
    """Tokens drawn from ``softmax(logits / temperature)``: int64 [B, steps], padding behind the end.

    What is drawn follows from ``fractions`` alone, so that a sequence is the same in any batch.

    Args:
        fractions: float [B, steps] from 0 to 1, 1 not included: which of the tokens, laid out by likelihood, is taken.
        top_p: draw among the likeliest tokens only, the fewest that have this share together (Holtzman et al. 2020,
            arXiv 1904.09751, section 3.1).
    """

    def drawn(logits: Tensor, step: int) -> Tensor:
        chances, order = torch.sort((logits / temperature).softmax(-1), stable=True, dim=-1, descending=True)
        reached = chances.cumsum(-1)
        kept = chances.masked_fill(reached - chances >= top_p, 0).cumsum(-1)
        at = fractions[:, step, None].to(kept) * kept[:, -1:]
        place = (kept <= at).sum(-1, keepdim=True).clamp(max=kept.shape[-1] - 1)
        return order.gather(-1, place).squeeze(-1)

    return _write(writer, prompt, drawn)


def _write(writer: Writer, prompt: Prompt, choose: Callable[[Tensor, int], Tensor]) -> Tensor:
    """The loop; ``choose`` gets logits float32 [B, V] and the step."""
    memory, given = writer.start(prompt.source), prompt.prefix
    written = given.new_full((len(given), prompt.steps), prompt.padding)
    done = torch.zeros(len(given), dtype=torch.bool, device=given.device)
    for step in range(prompt.steps):
        chosen = choose(writer.advance(given, memory)[:, -1].float(), step)
        written[:, step] = torch.where(done, prompt.padding, chosen)
        if prompt.end is not None:
            done = done | (chosen == prompt.end)
            if bool(done.all()):
                break
        given = chosen[:, None]
    return written
