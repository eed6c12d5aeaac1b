"""Where in the networks do we look? Features captured by module path on any unmodified network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from kdcore.errors import EngineError
from kdcore.spec.base import suggestion
from kdcore.spec.points import LOGITS, Point

Features = dict[str, Tensor]
"""What a forward pass left behind, by the point's name in the plan."""


class _DeepestReached(Exception):
    """Every point is captured; the rest of the forward pass is not needed."""


class Capture:
    """Hooks on one network that keep what passes the named points, for one forward pass at a time.

    The hooks belong to this instance alone and are gone when the context ends, so another job in the same process
    is not touched. A point may serve any number of terms. Tensors are kept without copying, but where the network
    overwrites one behind the point (``out += identity``): there the first pass is repeated and copies are kept from
    then on.

    Args:
        network: any module.
        points: as in the plan: ``logits`` or ``path[@in|@out][#call]``.

    Raises:
        EngineError: ``layer_not_found``, with the nearest names.
    """

    def __init__(self, network: nn.Module, points: Iterable[str]) -> None:
        self.network = network
        self.points = {text: Point.parse(text) for text in dict.fromkeys(points)}
        self._wanted: dict[tuple[str, str, int], list[str]] = {}
        modules = dict(network.named_modules())
        for text, point in self.points.items():
            if point.path != LOGITS and point.path not in modules:
                message = f"the network has no layer {point.path!r}; {suggestion(point.path, modules)}"
                raise EngineError("layer_not_found", message)
            self._wanted.setdefault((point.path, point.side, point.call), []).append(text)
        self._modules = {p.path: modules[p.path] for p in self.points.values() if p.path != LOGITS}
        self._needs_output = any(p.path == LOGITS for p in self.points.values())
        self._handles: list[RemovableHandle] = []
        self._calls: Counter[tuple[str, str]] = Counter()
        self._seen: Features | None = None
        self._versions: dict[str, int] = {}
        self._cloned: set[str] = set()

    def __enter__(self) -> Self:
        for path, module in self._modules.items():
            sides = {point.side for point in self.points.values() if point.path == path}
            if "in" in sides:
                self._handles.append(module.register_forward_pre_hook(self._on_input(path)))
            if "out" in sides:
                self._handles.append(module.register_forward_hook(self._on_output(path)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def __call__(self, images: Tensor) -> Features:
        """One forward pass, ended as soon as every point has been reached.

        Raises:
            EngineError: ``layer_not_found`` when a point was not passed, or held no tensor.
        """
        seen = self._forward(images)
        overwritten = {text for text, version in self._versions.items() if seen[text]._version != version}
        if overwritten:
            self._cloned |= overwritten
            seen = self._forward(images)
        missing = [text for text in self.points if text not in seen]
        if missing:
            raise EngineError("layer_not_found", f"the forward pass never reached {', '.join(missing)}")
        return seen

    def _forward(self, images: Tensor) -> Features:
        self._calls, self._versions = Counter(), {}
        seen = self._seen = {}
        try:
            output = self.network(images)
            if self._needs_output:
                seen |= {text: output for text, point in self.points.items() if point.path == LOGITS}
        except _DeepestReached:
            pass
        finally:
            self._seen = None
        return seen

    def _keep(self, path: str, side: str, value: Any) -> None:
        if self._seen is None:
            return  # somebody else's forward pass
        call = self._calls[path, side]
        self._calls[path, side] += 1
        for text in self._wanted.get((path, side, call), ()):
            if not isinstance(value, Tensor):
                message = f"{text} holds a {type(value).__name__}, not one tensor; name a layer inside it"
                raise EngineError("layer_not_found", message)
            self._seen[text] = value.clone() if text in self._cloned else value
            self._versions[text] = self._seen[text]._version
        if not self._needs_output and len(self._seen) == len(self.points):
            raise _DeepestReached

    def _on_input(self, path: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            self._keep(path, "in", inputs[0] if len(inputs) == 1 else inputs)

        return hook

    def _on_output(self, path: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            self._keep(path, "out", output)

        return hook
