"""Where a path acts in a network that nobody has described: its stage ends, and how features lie there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.errors import EngineError
from kdcore.models.landmarks import landmarks
from kdcore.objective.paths.prompts import Layout
from kdcore.spec.base import suggestion
from kdcore.spec.stage_ends import Shape, stage_ends

EXTRA_TOKENS = ("class_token", "cls_token", "dist_token", "distillation_token", "reg_token", "register_tokens")
"""Names of the parameters that vision transformers of torchvision, timm and transformers put before the patches."""

MOST_EXTRA_TOKENS = 8

PICTURES = (32, 64, 224, 299)
SIGNALS = (128, 1024, 16_384)
"""Sides of the pictures and lengths of the signals that a network is tried with when nobody gives a sample."""


def modules_at(network: nn.Module, paths: Iterable[str]) -> list[nn.Module]:
    """The modules at ``paths``.

    Raises:
        EngineError: ``layer_not_found``, with the nearest names.
    """
    known = dict(network.named_modules())
    for path in paths:
        if path not in known:
            message = f"the network has no layer {path!r}; {suggestion(path, known)}"
            raise EngineError("layer_not_found", message)
    return [known[path] for path in paths]


def outputs_of(network: nn.Module, paths: Sequence[str], sample: Tensor) -> dict[str, list[Any]]:
    """What each module puts out, call by call, in one forward pass of a network that is in evaluation mode."""
    seen: dict[str, list[Any]] = defaultdict(list)
    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, path=path: seen[path].append(output))
        for path, module in zip(paths, modules_at(network, paths), strict=True)
    ]
    try:
        with torch.no_grad():
            network(sample)
    finally:
        for handle in handles:
            handle.remove()
    return seen


def default_stage_ends(network: nn.Module, classifier: str, most: int, sample: Tensor) -> tuple[str, ...]:
    """Ends of the network's stages by `kdcore.spec.stage_ends`, from the blocks of its landmarks.

    Raises:
        ValueError: when no block is found.
    """
    blocks = [path for path in landmarks(network).features if path != classifier]
    outputs = outputs_of(network, blocks, sample)
    shapes = [(path, _only_shape(outputs.get(path, []))) for path in blocks]
    found = stage_ends(shapes, most)
    if not found:
        raise ValueError(f"{type(network).__name__} has no blocks that could be found: name its stage ends with `at`")
    return found


def _only_shape(outputs: list[Any]) -> Shape | None:
    """Shape without the batch of a module that is called once and gives one tensor."""
    if len(outputs) != 1 or not isinstance(outputs[0], Tensor):
        return None
    return tuple(outputs[0].shape[1:])


def layouts(network: nn.Module, at: Sequence[str], classifier: str, sample: Tensor) -> list[Layout]:
    """How the features at ``at`` lie.

    Raises:
        EngineError: ``layer_not_found``: a module is not there, or not called exactly once.
        ValueError: it does not give one tensor of a known kind, or is the classifier.
    """
    if classifier in at:
        raise ValueError(f"{classifier!r} is the classifier, which the path replaces: it is no stage end")
    outputs = outputs_of(network, [*at, classifier], sample)
    for path in (*at, classifier):
        calls = len(outputs.get(path, []))
        if calls != 1:
            message = f"layer {path!r} is called {calls} times in a forward pass; name one that is called once"
            raise EngineError("layer_not_found", message)
    return [
        _layout(module, network, outputs[path][0], path, sample)
        for path, module in zip(at, modules_at(network, at), strict=True)
    ]


def _layout(module: nn.Module, network: nn.Module, output: Any, path: str, sample: Tensor) -> Layout:
    if not isinstance(output, Tensor) or not 2 <= output.dim() <= 4:
        shown = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"layer {path!r} gives {shown}: prompts take [B, C], [B, C, L], [B, L, C] or maps")
    shape = tuple(output.shape)
    if len(shape) == 2:
        return Layout(shape[1], "vector")
    if _channels_first(module, network, shape):
        row = len(shape) == 4 and sample.dim() == 3 and shape[2] == 1
        return Layout(shape[1], "maps" if len(shape) == 4 else "sequence", row=row)
    if len(shape) == 4:
        return Layout(shape[-1], "grid")
    return Layout(shape[-1], "tokens", *_tokens(shape[1], _extra_tokens(network), sample))


def _channels_first(module: nn.Module, network: nn.Module, shape: Shape) -> bool:
    """Told by the layers inside the module whose width is that of the feature, else by what is usual."""
    kind = nn.Conv2d if len(shape) == 4 else nn.Conv1d
    if any(isinstance(part, kind) and part.out_channels == shape[1] for part in module.modules()):
        return True
    if shape[-1] in _widths(module):
        return False
    return len(shape) == 4 or any(isinstance(part, kind) for part in network.modules())


def _widths(module: nn.Module) -> Iterator[int]:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            yield part.out_features
        elif isinstance(part, nn.LayerNorm):
            yield part.normalized_shape[-1]


def _extra_tokens(network: nn.Module) -> int:
    named = network.named_parameters()
    return sum(p.numel() // p.shape[-1] for name, p in named if name.rpartition(".")[2] in EXTRA_TOKENS)


def _tokens(count: int, named: int, sample: Tensor) -> tuple[int, tuple[int, int] | None]:
    """How many of the tokens are no patches, and the grid of those that are; a sequence unless there is one."""
    for extra in (named, *range(MOST_EXTRA_TOKENS + 1)):
        grid = _grid(count - extra, sample)
        if grid is not None:
            return extra, grid
    return named, None


def _grid(patches: int, sample: Tensor) -> tuple[int, int] | None:
    """Height and width of a grid of ``patches`` with the proportions of the picture, if there is one."""
    if sample.dim() != 4 or patches < 1:
        return None
    height, width = sample.shape[-2:]
    rows = round((patches * height / width) ** 0.5)
    columns = patches // rows if rows else 0
    return (rows, columns) if rows * columns == patches and rows * width == columns * height else None


def default_sample(network: nn.Module) -> Tensor:
    """An input of zeros, or of token ids 1, that the network takes in evaluation mode, told by its first layer.

    Raises:
        ValueError: when none of those tried fits.
    """
    for sample in _samples(network):
        try:
            with torch.no_grad():
                network(sample)
        except (RuntimeError, ValueError, AssertionError, IndexError):
            continue
        return sample
    raise ValueError(f"the input of {type(network).__name__} is not known: give a `sample` of it")


def _samples(network: nn.Module) -> Iterator[Tensor]:
    kinds = (nn.Conv1d, nn.Conv2d, nn.Linear, nn.Embedding)
    first = next((part for part in network.modules() if isinstance(part, kinds)), None)
    if isinstance(first, nn.Embedding):
        yield torch.ones(1, 8, dtype=torch.int64, device=first.weight.device)
    elif first is not None:
        yield from (first.weight.new_zeros(1, *shape) for shape in _shapes(network, first))


def _shapes(network: nn.Module, first: nn.Module) -> Iterator[Shape]:
    if isinstance(first, nn.Linear):
        yield (first.in_features,)
    elif isinstance(first, nn.Conv1d):
        yield from ((first.in_channels, length) for length in SIGNALS)
    elif isinstance(first, nn.Conv2d):
        own = getattr(network, "image_size", None)
        yield from ((first.in_channels, side, side) for side in ([own] if isinstance(own, int) else PICTURES))
        yield from ((first.in_channels, length) for length in SIGNALS)  # taken as pictures of one row inside
