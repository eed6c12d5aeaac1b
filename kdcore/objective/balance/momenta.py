"""Momentum apart for task and teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.objective.balance.gradients import combine
from kdcore.objective.balance.surgery import Bending
from kdcore.spec.rooms.balances import DotOptions

Velocity = list[Tensor | None]


class DOT(Bending):
    """``v_task ← g_task + (m - δ) v_task``, ``v_rest ← g_rest + (m + δ) v_rest``; the step follows their sum.

    Zhao et al. 2023 (DOT), algorithm 1. The balance holds both velocities, so the optimiser is SGD without momentum.
    Weight decay then works on the parameters at once instead of through a velocity; divided by ``1 - m`` it has the
    effect that it would have there. With one group it is SGD with momentum m.
    """

    owns_momentum = True

    def __init__(self, options: DotOptions, groups: Sequence[str]) -> None:
        super().__init__(options, groups)
        self.task, self.momentum = options.task, options.momentum
        delta = options.delta if len(self.groups) > 1 else 0.0
        self.momenta = {"task": options.momentum - delta, "rest": options.momentum + delta}
        self._velocities: dict[str, Velocity] = {}

    def bent(self, names: Sequence[str], losses: Tensor, gram: Tensor) -> Tensor:
        """All groups count alike."""
        return torch.ones_like(losses)

    def _fill(self, names: Sequence[str], weights: Tensor, parameters: Sequence[nn.Parameter]) -> Velocity:
        sides = {"task": [n for n in names if n == self.task], "rest": [n for n in names if n != self.task]}
        for side, members in sides.items():
            rows = [self._seen.rows[name] for name in members]
            fresh = combine(rows, [1.0] * len(rows)) if rows else [None] * len(parameters)
            held = self._velocities.get(side, [None] * len(parameters))
            self._velocities[side] = [
                _moved(velocity, gradient, parameter, self.momenta[side])
                for velocity, gradient, parameter in zip(held, fresh, parameters, strict=True)
            ]
        return combine([self._velocities["task"], self._velocities["rest"]], [1.0, 1.0])

    def get_extra_state(self) -> dict[str, Any]:
        """The velocities, too."""
        return {**super().get_extra_state(), "velocities": self._velocities}

    def set_extra_state(self, state: Any) -> None:
        """Go on from a state dict."""
        super().set_extra_state(state)
        self._velocities = {side: list(velocity) for side, velocity in state["velocities"].items()}


def _moved(velocity: Tensor | None, gradient: Tensor | None, like: Tensor, momentum: float) -> Tensor | None:
    if velocity is None:
        return gradient
    moved = velocity.to(like.device) * momentum
    return moved if gradient is None else moved + gradient
