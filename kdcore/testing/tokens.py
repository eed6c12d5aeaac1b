"""Peers' losses between sequences: logits of tokens, hidden states, attention."""

from __future__ import annotations

from typing import Any

from kdcore.objective.distances import UNLABELLED
from kdcore.testing.row import Golden, Inputs, Params

_T = {"T": "temperature"}
_UNSOFTENED = {"temperature": 1}
PADDING = -1e-3
"""TextBrewer takes scores at or below it for padding where no mask is given."""


def _unsquared(params: Params, inputs: Inputs) -> float:
    return 1 / float(params.get("T", 1)) ** 2


def _tokens_unsquared(params: Params, inputs: Inputs) -> float:
    counted = (inputs["y"] != UNLABELLED).sum() if "y" in inputs else inputs["s"][..., 0].numel()
    return float(counted) * _unsquared(params, inputs)


def _floor(params: Params) -> float | None:
    return None if params.get("mask") else PADDING


def _scores(heads: str) -> Golden:
    return Golden("attention_mse", also=lambda params: {"heads": heads, "floor": _floor(params)})


def _distributions(heads: str) -> Golden:
    def options(params: Params) -> dict[str, Any]:
        return {"heads": heads, "floor": _floor(params), "keys": "all"}

    return Golden("attention_ce", also=options)


def _half(params: Params, inputs: Inputs) -> float:
    return 0.5


_SOFT_CE = Golden("soft_cross_entropy", also=lambda params: _UNSOFTENED)
_REVERSE = Golden("reverse_kl")

TOKENS: dict[str, Golden] = {
    "kd_softce_seq": Golden("soft_cross_entropy", _T, labels=False),
    "kl_tokens": Golden("kl", _T),
    "kl_sum_dense": Golden("kl", _T, _tokens_unsquared),
    "fkl_ce": _SOFT_CE,
    "fkl_ce_chunked": _SOFT_CE,
    "rkl": _REVERSE,
    "rkl_chunked": _REVERSE,
    "symkl": Golden(
        "soft_cross_entropy", scale=_half, also=lambda params: _UNSOFTENED, plus=Golden("reverse_kl", scale=_half)
    ),
    "gjsd": Golden("jsd", {**_T, "beta": "beta"}, _unsquared),
    "text_att_mse_loss": _scores("each"),
    "text_att_mse_sum_loss": _scores("sum"),
    "text_att_ce_loss": _distributions("each"),
    "text_att_ce_mean_loss": _distributions("mean"),
    "text_hid_mse_loss": Golden("hidden"),
    "text_cos_loss": Golden("hidden", scale=_half, also=lambda params: {"normalise": "token"}),
    "text_pkd_loss": Golden("hidden", also=lambda params: {"normalise": "token", "tokens": "first"}, masked=False),
    "text_fsp_loss": Golden("token_flow"),
    "text_mmd_loss": Golden("token_similarity"),
}
