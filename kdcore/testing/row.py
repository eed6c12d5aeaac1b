"""What a peer's loss is in our words: one row of a table, and a loss that follows from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.objective import adapter, distance
from kdcore.objective.adapters import Adapter, Shape

Params = Mapping[str, Any]
Inputs = Mapping[str, Any]
State = Mapping[str, Any]
Build = Callable[[Sequence[Shape], Sequence[Shape], Params], Adapter]


@dataclass(frozen=True)
class Golden:
    """How a peer's loss is called here.

    Attributes:
        name: our distance.
        options: the peer's parameter -> our option.
        scale: factor from ours to theirs.
        also: options of ours that follow from their parameters, or that they leave unsaid.
        labels, masked: whether our distance is given the labels and the mask.
        prepare: what they do to either side's tensor before they compare.
        layers: factor of layer i of n, for losses of lists that weigh them.
        adapter: our adapter through which both sides go, with its options; or built from both sides' shapes and the
            peer's parameters.
        state: their weight -> ours, which start with ``adapter.`` or ``distance.``; what begins with ``context.``
            is given to the distance as an entry of the context.
        fold: their weights rewritten where ours have another form.
        plus: a further loss that they add.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    scale: Callable[[Params, Inputs], float] = lambda params, inputs: 1.0
    also: Callable[[Params], Mapping[str, Any]] = lambda params: {}
    labels: bool = True
    masked: bool = True
    prepare: Callable[[Tensor, Params], Tensor] = lambda tensor, params: tensor
    layers: Callable[[int, int], float] | None = None
    adapter: tuple[str, Mapping[str, Any]] | Build | None = None
    state: Mapping[str, str] = field(default_factory=dict)
    fold: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = lambda state: state
    plus: Golden | None = None


class PeerLoss:
    """A peer's loss by our pieces: a callable on inputs ``s`` and ``t`` (or ``s0 s1 ...``), ``y`` and ``mask``.

    Weights are built from the shapes of the first inputs, loaded once, and not trained.
    """

    def __init__(self, row: Golden, params: Params, state: State) -> None:
        self.row, self.params, self.state = row, params, state
        options = {ours: params[theirs] for theirs, ours in row.options.items() if theirs in params}
        self.measure = distance(row.name, **options, **row.also(params))
        self.parts = nn.ModuleDict({"distance": self.measure})
        self.context: dict[str, Any] = {}
        self.adapter: nn.Module | None = None
        self.built = False
        self.further = None if row.plus is None else PeerLoss(row.plus, params, {})

    def __call__(self, inputs: Inputs) -> Tensor:
        students, teachers = (self._side(inputs, letter) for letter in "st")
        if not self.built:
            self._build(students, teachers)
        loss = self._compare(students, teachers, inputs) * self.row.scale(self.params, inputs)
        return loss if self.further is None else loss + self.further(inputs)

    def _side(self, inputs: Inputs, letter: str) -> list[Tensor]:
        """One side's tensors, prepared; a distance that looks at one pair takes the unnumbered one."""
        if not isinstance(inputs.get(letter, torch.empty(0)), Tensor):
            return [self.row.prepare(tensor, self.params) for tensor in inputs[letter]]
        named = {int(name[1:] or 0): name for name in inputs if re.fullmatch(letter + r"\d*", name)}
        names = [letter] if letter in inputs and not self.measure.joint else [named[number] for number in sorted(named)]
        return [self.row.prepare(inputs[name], self.params) for name in names]

    def _build(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> None:
        shapes = [[tuple(tensor.shape) for tensor in side] for side in (students, teachers)]
        asked = self.row.adapter
        if isinstance(asked, tuple):
            self.parts["adapter"] = self.adapter = adapter(asked[0], *shapes, **asked[1])
        elif asked is not None:
            self.parts["adapter"] = self.adapter = asked(shapes[0], shapes[1], self.params)
        self.measure.size(shapes[0][0], shapes[1][0], int(self.params.get("n", len(students[0]))))
        self.parts.to(students[0].device, students[0].dtype).requires_grad_(False)
        self._load()
        self.parts.train(self.params.get("mode", "train") == "train")
        self.built = True

    def _load(self) -> None:
        theirs = self.row.fold({name: torch.as_tensor(value) for name, value in self.state.items()})
        ours = {self.row.state[name]: value for name, value in theirs.items() if name in self.row.state}
        weights = {name: value for name, value in ours.items() if not name.startswith("context.")}
        if weights:
            unknown = self.parts.load_state_dict(weights, strict=False).unexpected_keys
            if unknown:
                raise LookupError(f"{self.row.name} has no weights {', '.join(unknown)}")
        self.context = {name.removeprefix("context."): value for name, value in ours.items() if name not in weights}

    def _compare(self, students: list[Tensor], teachers: list[Tensor], inputs: Inputs) -> Tensor:
        if self.adapter is not None:
            students, teachers = self.adapter(students, teachers)
        context = dict(self.context)
        if "mask" in inputs and self.row.masked and self.params.get("mask", True):
            context["mask"] = inputs["mask"]
        target = inputs["y"].long() if "y" in inputs and self.row.labels else None
        measure, layers = self.measure, self.row.layers
        if layers is None:
            loss: Tensor = measure(students, teachers, target, context=context)
            return loss
        losses = [
            layers(i, len(students)) * measure(s, t, target, context=context)
            for i, (s, t) in enumerate(zip(students, teachers, strict=True))
        ]
        return torch.stack(losses).sum()
