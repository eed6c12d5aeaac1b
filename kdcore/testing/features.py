"""Peers' losses between features and between the relations of a batch."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from kdcore.testing.row import Golden, Params

_RKD = {"w_d": "distance_weight", "w_a": "angle_weight"}
_AB = 3 / 1000
"""Factor of the published code of AB on the sum."""


def _factor(feature: Tensor, params: Params) -> Tensor:
    """Factors as RepDistiller makes them of a map without a paraphraser."""
    return feature.pow(params["p1"]).mean(1)


FEATURES: dict[str, Golden] = {
    "hint_mse": Golden("mse"),
    "l2_normalized": Golden(
        "hint", scale=lambda params, inputs: 2, prepare=lambda feature, params: F.normalize(feature.flatten(1))
    ),
    "mgd_mse": Golden(
        "hint",
        scale=lambda params, inputs: 2 * params["alpha"],
        prepare=lambda feature, params: feature.flatten(1),
    ),
    "at": Golden("at", {"p": "power"}),
    "at_multi": Golden("at", {"p": "power"}),
    "ft": Golden("ft", {"p": "power"}),
    "ft_factor": Golden("ft", {"p2": "power"}, prepare=_factor),
    "ab_sum": Golden("ab", {"margin": "margin"}),
    "ab": Golden("ab", {"margin": "margin"}, lambda params, inputs: _AB),
    "ab_multi": Golden(
        "ab", {"margin": "margin"}, lambda params, inputs: _AB, layers=lambda i, count: 2.0 ** (i - count + 1)
    ),
    "ofd_margin": Golden("ofd", {"margin": "margin"}),
    "ofd": Golden("ofd", scale=lambda params, inputs: 1 / params["mul_factor"]),
    "hcl": Golden("hcl"),
    "cwd": Golden("cwd", {"tau": "temperature"}),
    "pkd": Golden("pkd"),
    "sp": Golden("sp"),
    "rkd": Golden("rkd", _RKD),
    "rkd_half": Golden("rkd", _RKD),
    "rkd_l2norm": Golden("rkd", _RKD, prepare=lambda feature, params: F.normalize(feature.flatten(1))),
    "pkt": Golden("pkt"),
    "cc_adjacent": Golden("cc"),
    "ickd": Golden("ickd"),
    "nst": Golden("nst"),
    "fsp": Golden("fsp"),
    "kdsvd": Golden("kdsvd", {"k": "k"}),
}
