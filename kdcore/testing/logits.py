"""Peers' losses between logits of classes."""

from __future__ import annotations

from kdcore.testing.row import Golden, Inputs, Params

_T = {"T": "temperature"}
_TASK = Golden("cross_entropy", scale=lambda params, inputs: params["alpha"])


def _rest(params: Params, inputs: Inputs) -> float:
    """The weight of the soft loss where the labels' is alpha."""
    return float(params.get("beta", 1 - params["alpha"]))


LOGITS: dict[str, Golden] = {
    "kd": Golden("kl", _T),
    "kd+ce": Golden("kl", _T, _rest, plus=_TASK),
    "kd_softce": Golden("soft_cross_entropy", _T),
    "kd_mse": Golden("mse", scale=lambda params, inputs: 1 / params["T"] ** 2),
    "kd_pixel": Golden(
        "kl", _T, lambda params, inputs: inputs["s"][0, 0].numel(), labels=False,
        prepare=lambda logits, params: logits.flatten(2).transpose(1, 2),
    ),
    "skd_instance": Golden("kl", _T, lambda params, inputs: 1 / params["T"] ** 2),
    "dkd": Golden("dkd", {**_T, "alpha": "alpha", "beta": "beta"}),
    "dist": Golden("dist", {"tau": "temperature", "beta": "beta", "gamma": "gamma"}),
    "logit_std_kd": Golden("standardised_kl", _T),
    "logit_std_kd+ce": Golden("standardised_kl", _T, _rest, plus=_TASK),
    "mlkd_cc": Golden("class_correlation", _T),
    "mlkd_bc": Golden("batch_correlation", _T),
    "ofa": Golden("ofa", {**_T, "eps": "sharpness"}),
    "wsld": Golden("wsld", {"tau": "temperature"}),
}  # fmt: skip
