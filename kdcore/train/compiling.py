"""Parts of networks as compiled code while a stage lives; modules, names and weights stay as they are."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from kdcore.errors import EngineError

LEAST_LAYERS = 2
"""Modules of fewer layers stay as they are: there is nothing to put together."""

MOST_VARIANTS = 256
"""Of one class's forward pass: by shapes, number type, mode and gradients. PyTorch gives up after 8 without a word."""


class NotCompiled(EngineError):
    """The compiler cannot do it, on this machine or with these networks."""

    @classmethod
    def of(cls, error: Exception) -> NotCompiled:
        """From what the compiler says."""
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        message = f"the networks of this job cannot be compiled ({first}): take compile: off"
        return cls("internal", message, "/training/compile")


@contextmanager
def told() -> Iterator[None]:
    """A stretch in which a compiler that fails ends as ``NotCompiled``, in the forward pass or in the backward pass."""
    try:
        yield
    except RuntimeError as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        raise NotCompiled.of(error) from error


@dataclass
class Regions:
    """The compiled parts of a stage's networks, used between ``open`` and its end alone.

    What is not a training step (validation, traces, somebody else's use of a network) finds the plain forward passes.
    """

    modules: list[nn.Module] = field(default_factory=list)
    active: bool = False

    @contextmanager
    def open(self, *, when: bool = True) -> Iterator[None]:
        """A stretch in which forward passes are the compiled ones."""
        before, self.active = self.active, when and bool(self.modules)
        try:
            yield
        finally:
            self.active = before


@dataclass(frozen=True, eq=False)
class Compiled:
    """The forward pass of one module.

    A path through the network puts hooks inside for as long as it runs, and compiled code would not see them: the
    plain forward pass does.
    """

    plain: Callable[..., Any]
    quick: Callable[..., Any]
    regions: Regions
    inside: tuple[nn.Module, ...]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As the module itself.

        Raises:
            NotCompiled: where the compiler fails.
        """
        if not self.regions.active or torch.compiler.is_compiling() or any(map(_looked_at, self.inside)):
            return self.plain(*args, **kwargs)
        with told():
            return self.quick(*args, **kwargs)


@contextmanager
def compiled(networks: Iterable[nn.Module]) -> Iterator[Regions]:
    """A stretch in which the largest parts of networks that nobody looks into can run as compiled code.

    Each has a forward pass of its own until the stretch ends. Hooks that look into the networks must be there before.
    """
    found = Regions(regions(networks))
    for module in found.modules:
        _, *inside = module.modules()
        module.forward = Compiled(module.forward, _quick(module.forward), found, tuple(inside))
    try:
        with _switches.set_for(found):
            yield found
    finally:
        for module in found.modules:
            del module.forward


def _quick(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled when it is first called.

    Random numbers are those that PyTorch draws without it, so that dropout resumes; pictures lie in memory as the
    machine says, because channels last is not safe for every convolution (see ``kdcore.train.narrow``).
    """
    return torch.compile(forward, dynamic=False, options={"fallback_random": True, "layout_optimization": False})


def regions(networks: Iterable[nn.Module]) -> list[nn.Module]:
    """The largest modules with nothing inside that a hook looks at; a module of two networks is part of one region."""
    taken: set[nn.Module] = set()
    found: list[nn.Module] = []
    for network in networks:
        for module in _largest(network, taken):
            taken.update(module.modules())
            found.append(module)
    return found


def _largest(module: nn.Module, taken: set[nn.Module]) -> Iterator[nn.Module]:
    if module in taken:
        return
    if _whole(module, taken):
        yield module
        return
    for child in module.children():
        yield from _largest(child, taken)


def _whole(module: nn.Module, taken: set[nn.Module]) -> bool:
    inside = [*module.modules()]
    layers = sum(not isinstance(one, nn.Identity) and not [*one.children()] for one in inside)
    callable_ = type(module).forward is not nn.Module.forward
    own = any("forward" in vars(one) or one in taken for one in inside)
    seen = any(_looked_at(one) for one in inside if one is not module)
    return callable_ and layers >= LEAST_LAYERS and not own and not seen and any(True for _ in module.parameters())


def _looked_at(module: nn.Module) -> bool:
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return any(hooks)


@dataclass
class _Switches:
    """PyTorch's switches for compiled code, set as long as some stage has any.

    Buffers that a backward pass may overwrite would allow one such pass only, and balances of terms ask for several;
    several compiling processes would outlive the engine.
    """

    users: int = 0
    before: tuple[Any, ...] = ()

    @contextmanager
    def set_for(self, found: Regions) -> Iterator[None]:
        if not found.modules:
            yield
            return
        if self.users == 0:
            self.before = self._set(False, 1, MOST_VARIANTS)
        self.users += 1
        try:
            yield
        finally:
            self.users -= 1
            if self.users == 0:
                self._set(*self.before)

    @staticmethod
    def _set(donated: bool, threads: int | None, variants: int) -> tuple[Any, ...]:
        """Returns what was set before."""
        from torch._dynamo import config as dynamo
        from torch._functorch import config as functorch
        from torch._inductor import config as inductor

        before = functorch.donated_buffer, inductor.compile_threads, dynamo.recompile_limit
        functorch.donated_buffer, inductor.compile_threads, dynamo.recompile_limit = donated, threads, variants
        return before


_switches = _Switches()


def missing(device: str) -> str | None:
    """What this machine lacks to compile for ``device``; None where it has all."""
    if device == "cuda":
        from torch.utils._triton import has_triton

        return None if has_triton() else "Triton, which PyTorch compiles for this GPU with"
    from torch._inductor import cpp_builder, exc

    try:
        cpp_builder.get_cpp_compiler()
    except (exc.InvalidCxxCompiler, OSError, subprocess.SubprocessError):
        return "a C++ compiler (g++, or the one that the variable CXX names)"
    return None
