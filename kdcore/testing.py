"""Our distances under the names and options of other implementations, to be compared with them on fixed inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from kdcore.objective.distances import distance

Inputs = Mapping[str, Tensor]


@dataclass(frozen=True)
class Golden:
    """How a peer's loss is called here.

    Attributes:
        name: our distance.
        options: the peer's parameter -> our option.
        scale: factor from ours to theirs, from their parameters.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    scale: Callable[[Mapping[str, Any]], float] = lambda params: 1.0


_T = {"T": "temperature"}
_RKD = {"w_d": "distance_weight", "w_a": "angle_weight"}

GOLDENS: dict[str, Golden] = {
    "kd": Golden("kl", _T),
    "kd_softce": Golden("soft_cross_entropy", _T),
    "dkd": Golden("dkd", {**_T, "alpha": "alpha", "beta": "beta"}),
    "dist": Golden("dist", {"tau": "temperature", "beta": "beta", "gamma": "gamma"}),
    "logit_std_kd": Golden("standardised_kl", _T),
    "mlkd_cc": Golden("class_correlation", _T),
    "mlkd_bc": Golden("batch_correlation", _T),
    "ofa": Golden("ofa", {**_T, "eps": "sharpness"}),
    "wsld": Golden("wsld", {"tau": "temperature"}),
    "hint_mse": Golden("mse"),
    "at": Golden("at", {"p": "power"}),
    "ft": Golden("ft", {"p": "power"}),
    "ab_sum": Golden("ab", {"margin": "margin"}),
    "ab": Golden("ab", {"margin": "margin"}, lambda params: 3 / 1000),
    "ofd_margin": Golden("ofd", {"margin": "margin"}),
    "ofd": Golden("ofd", {}, lambda params: 1 / params["mul_factor"]),
    "hcl": Golden("hcl"),
    "cwd": Golden("cwd", {"tau": "temperature"}),
    "pkd": Golden("pkd"),
    "sp": Golden("sp"),
    "rkd": Golden("rkd", _RKD),
    "rkd_half": Golden("rkd", _RKD),
    "pkt": Golden("pkt"),
    "cc_adjacent": Golden("cc"),
    "ickd": Golden("ickd"),
    "nst": Golden("nst"),
}
"""Every peer's loss that has a distance of ours."""


def golden(
    method: str, params: Mapping[str, Any], state: Mapping[str, Tensor] | None = None
) -> Callable[[Inputs], Tensor]:
    """Our piece for a peer's loss: a callable on inputs ``s`` (student), ``t`` (teacher), ``y`` (labels).

    Args:
        method: the peer's name of the loss.
        params: the peer's parameters.
        state: the peer's weights, for losses that have some; none of those listed here has.

    Raises:
        LookupError: no piece of ours goes by this name, with the names that do.
    """
    if method not in GOLDENS or state:
        raise LookupError(f"no piece for {method!r}; known: {', '.join(GOLDENS)}")
    row = GOLDENS[method]
    options = {ours: params[theirs] for theirs, ours in row.options.items() if theirs in params}
    piece, scale = distance(row.name, **options), row.scale(params)

    def loss(inputs: Inputs) -> Tensor:
        target = inputs.get("y")
        value: Tensor = piece(inputs["s"], inputs["t"], None if target is None else target.long())
        return value * scale

    return loss
