"""Peers' losses with weights of their own: what theirs are called here, and where ours have another form."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from kdcore.testing.row import Golden

_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def _without_bias(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Our regressor has no bias before its BatchNorm, where it only moves the running mean."""
    return {**state, "bn.running_mean": state["bn.running_mean"] - state["conv.bias"]}


LEARNED: dict[str, Golden] = {
    "fitnet_convreg": Golden(
        "mse",
        adapter=("auto", {"norm": True}),
        state={
            "conv.weight": "adapter.maps.0.0.weight",
            **{f"bn.{name}": f"adapter.maps.0.1.{name}" for name in _NORM},
        },
        fold=_without_bias,
    ),
}
