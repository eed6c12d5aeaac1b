"""Parts of a step: micro-batches and the mean of their losses, and a second look that leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from kdcore.objective.terms import Losses


def detached(losses: Losses) -> Losses:
    """The same numbers without their graph."""
    groups = {name: {group: loss.detach() for group, loss in one.items()} for name, one in losses.groups.items()}
    return Losses(losses.terms, groups)


def mean_of(parts: Sequence[Losses], weights: Sequence[Tensor] | None = None) -> Losses:
    """The mean over micro-batches, by ``weights`` that sum to 1 or all alike; all have the same terms and groups."""
    if len(parts) == 1:
        return parts[0]
    terms = {name: _mean([part.terms[name] for part in parts], weights) for name in parts[0].terms}
    groups = {
        learner: {group: _mean([part.groups[learner][group] for part in parts], weights) for group in one}
        for learner, one in parts[0].groups.items()
    }
    return Losses(terms, groups)


def _mean(values: Sequence[Tensor], weights: Sequence[Tensor] | None) -> Tensor:
    found = torch.stack(list(values))
    return found.mean() if weights is None else (found * torch.stack(list(weights))).sum()


def next_tokens(targets: Tensor) -> bool:
    """Whether targets are next tokens, int64 [B, T], over which losses average wherever they count."""
    return targets.ndim == 2 and not targets.is_floating_point()


@dataclass(frozen=True)
class Memory:
    """What a forward pass in training mode changes beside the weights: random streams and running statistics."""

    streams: tuple[Tensor, Tensor | None]
    layers: tuple[_BatchNorm, ...]

    @contextmanager
    def replayed(self) -> Iterator[None]:
        """A stretch with the remembered random draws, in which no running statistic moves; both are put back."""
        now = random_streams()
        statistics = [[buffer.clone() for buffer in layer.buffers()] for layer in self.layers]
        set_random_streams(self.streams)
        try:
            yield
        finally:
            set_random_streams(now)
            for layer, before in zip(self.layers, statistics, strict=True):
                for buffer, was in zip(layer.buffers(), before, strict=True):
                    buffer.copy_(was)


def remember(networks: Sequence[nn.Module]) -> Memory:
    """Before the first pass of a step that will be looked at again."""
    layers = [layer for network in networks for layer in network.modules() if isinstance(layer, _BatchNorm)]
    return Memory(random_streams(), tuple(layers))


def random_streams() -> tuple[Tensor, Tensor | None]:
    """Torch's global streams as they are now: the CPU's, and the GPU's where it is used."""
    on_gpu = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return torch.get_rng_state(), torch.cuda.get_rng_state() if on_gpu else None


def set_random_streams(streams: tuple[Tensor, Tensor | None]) -> None:
    """Let the streams go on from where ``random_streams`` saw them."""
    torch.set_rng_state(streams[0])
    if streams[1] is not None:
        torch.cuda.set_rng_state(streams[1])
