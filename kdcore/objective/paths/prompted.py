"""The prompted path of DFPT-KD: a second way through a frozen network, with learned prompts between its stages."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from torch import Tensor, nn

from kdcore.models.landmarks import landmarks
from kdcore.objective.networks import freeze
from kdcore.objective.paths.places import default_sample, default_stage_ends, layouts, modules_at
from kdcore.objective.paths.prompts import Fusion, Layout, PromptBlock
from kdcore.spec.rooms.paths import PromptOptions


class Speaker:
    """A frozen network that a path leads through but does not own.

    Not a module, so that the path's parameters, state dict and device are those of what it learns; a copy of the path
    leads through the same network.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = freeze(network)

    def __deepcopy__(self, memo: dict[int, Any]) -> Speaker:
        return Speaker(memo.get(id(self.network), self.network))


class Prompted(nn.Module):
    """``images -> logits`` through a frozen network whose stages A_i are fed with ``F_i(x_i + P_i(x_i))``.

    DFPT-KD (arXiv 2506.18244): prompts P_i and fusions F_i behind the stages, and a head of its own (H_φ). The stages
    are reused, not copied: while a forward pass of this module runs, and only then, hooks on the network's own modules
    replace what passes there. Gradients pass through the stages to earlier prompts, and none reaches a weight of
    theirs. At first the path says what the network says: P_i gives 0, F_i is the identity, H_φ is a copy of H_θ.

    With ``tune`` (DFPT-KD+) it leads through a copy of the network whose layers learn too, with BatchNorm statistics
    as they are; the network itself stays untouched.

    The network is frozen: evaluation mode for good, no gradients. Not for networks that recompute parts of their
    forward pass in the backward pass (gradient checkpointing), where the hooks are gone by then, nor for forward
    passes of one network in several threads at once.

    Attributes:
        at: paths of the stage ends in the network.
        classifier: path of the layer H_θ.
        prompts, fusions: P_i and F_i, one of each for each of ``at``; ``fusions.i`` gives what stage i + 1 gets.
        head: H_φ; ``head@in`` is the penultimate feature.
        copy: the tuned copy, with ``tune`` only.

    Args:
        network: the teacher.
        options: sizes of the blocks and what is left out or tuned.
        at: stage ends; found by `kdcore.spec.stage_ends` when empty.
        classifier: found when None.
        sample: a few inputs, for one forward pass that traces shapes; made up when None.

    Raises:
        kdcore.errors.EngineError: ``layer_not_found``.
        ValueError: features of unknown kind, or no sample can be made up.
    """

    def __init__(
        self,
        network: nn.Module,
        options: PromptOptions,
        *,
        at: Sequence[str] = (),
        classifier: str | None = None,
        sample: Tensor | None = None,
    ) -> None:
        super().__init__()
        self._speaker = Speaker(network)
        inputs = default_sample(network) if sample is None else sample
        self.classifier = landmarks(network).classifier if classifier is None else classifier
        (own_head,) = modules_at(network, [self.classifier])
        most = options.sizes.stages
        self.at = tuple(at) or default_stage_ends(network, self.classifier, most, inputs)
        found = layouts(network, self.at, self.classifier, inputs)
        self.prompts = nn.ModuleList([_prompt(layout, options) for layout in found])
        self.fusions = nn.ModuleList([Fusion(layout) if options.fusion else nn.Identity() for layout in found])
        like = next(network.parameters())
        self.prompts.to(like.device, like.dtype)
        self.fusions.to(like.device, like.dtype)
        self.head = copy.deepcopy(own_head).requires_grad_(True)
        self.tunes, self.tune_rate = options.tune, options.tune_rate
        if self.tunes:
            self.copy = copy.deepcopy(network).requires_grad_(True)
            self.copy.get_submodule(self.classifier).requires_grad_(False)  # the head has taken its place

    @property
    def network(self) -> nn.Module:
        """What the path leads through: the frozen network, or its tuned copy."""
        return self.copy if self.tunes else self._speaker.network

    def parameter_scales(self) -> dict[str, float]:
        """Factors on the learning rate by prefix of the parameters' names."""
        return {"copy.": self.tune_rate} if self.tunes else {}

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, N] of the prompted path."""
        with self._rerouted():
            return cast(Tensor, self.network(images))

    @contextmanager
    def _rerouted(self) -> Iterator[None]:
        """The network's modules hooked for one forward pass, whatever becomes of it."""
        hooks = [_through(prompt, fusion) for prompt, fusion in zip(self.prompts, self.fusions, strict=True)]
        modules = [self.network.get_submodule(path) for path in (*self.at, self.classifier)]
        handles = [
            module.register_forward_hook(hook) for module, hook in zip(modules, [*hooks, self._classified], strict=True)
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _classified(self, _module: nn.Module, inputs: tuple[Tensor, ...], _output: Any) -> Tensor:
        return cast(Tensor, self.head(inputs[0]))


def _through(prompt: nn.Module, fusion: nn.Module) -> Callable[[nn.Module, Any, Tensor], Tensor]:
    def hook(_module: nn.Module, _inputs: Any, feature: Tensor) -> Tensor:
        return cast(Tensor, fusion(feature + prompt(feature)))

    return hook


def _prompt(layout: Layout, options: PromptOptions) -> PromptBlock:
    sizes = options.sizes
    return PromptBlock(
        layout, reduction=sizes.reduction, partial=sizes.partial, kernels=sizes.kernels, order=options.order
    )
