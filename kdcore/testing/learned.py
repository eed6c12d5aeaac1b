"""Peers' losses with weights of their own: what theirs are called here, and where ours have another form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from kdcore.objective import adapter
from kdcore.objective.adapters import Adapter, Shape
from kdcore.objective.paths.paraphraser import leaky_layers
from kdcore.testing.row import Golden, Params

_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def _without_bias(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Our regressor has no bias before its BatchNorm, where it only moves the running mean."""
    return {**state, "bn.running_mean": state["bn.running_mean"] - state["conv.bias"]}


class Factors(Adapter):
    """A student's translation and a teacher's factor, both as RepDistiller compares them: averaged over channels."""

    def __init__(self, students: Sequence[Shape], teachers: Sequence[Shape], params: Params) -> None:
        super().__init__([])
        batch, channels, *size = teachers[0]
        inner = round(channels * params["k"])
        self.translator = adapter("translator", students, [(batch, inner, *size)])
        self.factor = leaky_layers(nn.Conv2d, (channels, channels, inner, inner))

    def forward(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        translated, _ = self.translator(students, teachers)
        sides = translated, [self.factor(teacher) for teacher in teachers]
        own, followed = ([feature.square().mean(1) for feature in side] for side in sides)
        return own, followed


def _numbered(theirs: str, ours: str, names: Mapping[int, int], what: Sequence[str]) -> dict[str, str]:
    """Layers by their place in a sequence: their number -> ours."""
    return {f"{theirs}.{a}.{name}": f"{ours}.{b}.{name}" for a, b in names.items() for name in what}


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
    "vid": Golden(
        "vid",
        {"init_pred_var": "initial_variance", "eps": "smallest"},
        adapter=("pointwise", {"layers": 3, "bias": False}),
        state={
            "log_scale": "distance.scale",
            **_numbered("regressor", "adapter.maps.0", {0: 0, 2: 2, 4: 4}, ["weight"]),
        },
    ),
    "crd": Golden(
        "crd",
        {"K": "negatives", "T": "temperature", "m": "momentum", "dim": "dim"},
        state={
            **{f"embed_s.linear.{name}": f"distance.student.{name}" for name in ("weight", "bias")},
            **{f"embed_t.linear.{name}": f"distance.teacher.{name}" for name in ("weight", "bias")},
            "contrast.memory_v1": "distance.banks.student",
            "contrast.memory_v2": "distance.banks.teacher",
            "idx": "context.index",
            "contrast_idx": "context.contrast",
        },
    ),
    "ofd_connector": Golden(
        "ofd",
        {"margin": "margin"},
        adapter=("pointwise", {"norm": True}),
        state={
            "connectors.0.0.weight": "adapter.maps.0.0.weight",
            **_numbered("connectors.0", "adapter.maps.0", {1: 1}, _NORM),
        },
    ),
    "ft_paraphraser": Golden(
        "ft",
        adapter=Factors,
        state={
            **_numbered("par.encoder", "adapter.factor", {0: 0, 3: 2, 6: 4}, ["weight", "bias"]),
            **_numbered("tra.encoder", "adapter.translator.maps.0", {0: 0, 3: 3, 6: 6}, ["weight", "bias"]),
            **_numbered("tra.encoder", "adapter.translator.maps.0", {1: 1, 4: 4, 7: 7}, _NORM),
        },
    ),
}
