"""Output-side prompts: the second path of a network of which nothing but its outputs is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.objective.paths.places import default_sample
from kdcore.objective.paths.prompted import Speaker
from kdcore.spec.rooms.paths import OutputOptions


class LogitPrompt(nn.Module):
    """``z + W2 gelu(W1 z + b1) + b2`` on logits [B, N], with W2 and b2 zero at first."""

    def __init__(self, classes: int, hidden: int) -> None:
        super().__init__()
        self.down = nn.Linear(classes, hidden)
        self.up = nn.Linear(hidden, classes)
        for parameter in self.up.parameters():
            nn.init.zeros_(parameter)

    def forward(self, logits: Tensor) -> Tensor:
        return logits + cast(Tensor, self.up(F.gelu(self.down(logits))))


class OutputPrompts(nn.Module):
    """``images -> logits`` of a black box, adapted by a learned residual that starts at zero (ours).

    The network is run without gradients and never looked into. ``head@in`` is what it says, ``head`` what becomes of
    it; where its outputs are stored, call ``head`` on them.

    Args:
        network: any classifier.
        options: the width of the residual.
        at, classifier: have no meaning here.
        sample: inputs for one forward pass, which tells the number of classes; made up when None.
    """

    def __init__(
        self,
        network: nn.Module,
        options: OutputOptions,
        *,
        at: Sequence[str] = (),
        classifier: str | None = None,
        sample: Tensor | None = None,
    ) -> None:
        super().__init__()
        self._speaker = Speaker(network)
        with torch.no_grad():
            logits = network(default_sample(network) if sample is None else sample)
        classes = logits.shape[-1]
        hidden = max(2 * classes, 16) if options.hidden is None else options.hidden
        self.head = LogitPrompt(classes, hidden).to(logits.device, logits.dtype)

    @property
    def network(self) -> nn.Module:
        """The black box."""
        return self._speaker.network

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, N] of the adapted black box."""
        with torch.no_grad():
            logits = self.network(images)
        return cast(Tensor, self.head(logits))
