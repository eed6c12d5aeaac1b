"""The processes of one job as each of them sees the others: means, gathered tensors, words of the first one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

T = TypeVar("T")


class Group(ABC):
    """What the loop asks of the other processes. Every call is made by all of them, in the same order.

    The gradients of a distributed step are those of the mean, over the processes, of the losses that each computes.
    ``gather`` hands gradients back accordingly, so that one rule holds for every parameter, in a network, an adapter
    or a distance, whatever it is used on: its gradient is the ``mean`` of what the processes found.

    Attributes:
        rank: number of this process, from 0; the first one writes files and records.
        size: how many there are.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, rank: int, size: int, device: str) -> None:
        self.rank, self.size, self.device = rank, size, device

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    @abstractmethod
    def mean(self, tensor: Tensor) -> Tensor:
        """The mean over the processes, the same bits in each; no gradient passes."""

    @abstractmethod
    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over the processes, the same bits in each; no gradient passes."""

    @abstractmethod
    def rows(self, tensor: Tensor) -> Tensor:
        """Every process's tensor, in their order: [size, ...]; no gradient passes."""

    @abstractmethod
    def gather(self, tensor: Tensor, *, equal: bool = False) -> Tensor:
        """The parts of a batch put together: [B / size, ...] in each process becomes [B, ...] in all, with gradient.

        The gradient of a part is the sum of what all processes found for it (reduce-scatter).

        Args:
            equal: what follows is computed equally in every process. Each then holds the sum already, its own gradient
                times ``size``, and nothing is sent.
        """

    @abstractmethod
    def every(self, value: T) -> list[T]:
        """What each process says, in their order; anything that can be pickled."""

    @abstractmethod
    def told(self, value: T) -> T:
        """What the first process says."""

    @abstractmethod
    def decided(self, code: int) -> int:
        """The first process's number, as cheap as can be: for decisions that are asked for at every step."""

    @abstractmethod
    def broadcast(self, module: nn.Module) -> None:
        """Give a module the first process's parameters and buffers."""

    @abstractmethod
    def barrier(self) -> None:
        """Wait until all are here."""

    @abstractmethod
    def close(self) -> None:
        """Leave; no other call may follow."""


class Solo(Group):
    """A process on its own: every tensor is handed back as it is."""

    def __init__(self, device: str = "cpu") -> None:
        super().__init__(0, 1, device)

    def mean(self, tensor: Tensor) -> Tensor:
        return tensor.detach()

    def sum(self, tensor: Tensor) -> Tensor:
        return tensor.detach()

    def rows(self, tensor: Tensor) -> Tensor:
        return tensor.detach()[None]

    def gather(self, tensor: Tensor, *, equal: bool = False) -> Tensor:
        return tensor

    def every(self, value: T) -> list[T]:
        return [value]

    def told(self, value: T) -> T:
        return value

    def decided(self, code: int) -> int:
        return code

    def broadcast(self, module: nn.Module) -> None:
        pass

    def barrier(self) -> None:
        pass

    def close(self) -> None:
        pass


class Ranks(Group):
    """Several processes, joined by torch.distributed; ``open_group`` makes it."""

    def mean(self, tensor: Tensor) -> Tensor:
        return self.sum(tensor) / self.size

    def sum(self, tensor: Tensor) -> Tensor:
        total = tensor.detach().clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    def rows(self, tensor: Tensor) -> Tensor:
        return _whole(tensor.detach()[None], self.size)

    def gather(self, tensor: Tensor, *, equal: bool = False) -> Tensor:
        if not (tensor.requires_grad and torch.is_grad_enabled()):
            return _whole(tensor.detach(), self.size)
        gathered: Tensor = _Gathered.apply(tensor, self, equal)
        return gathered

    def every(self, value: T) -> list[T]:
        said: list[Any] = [None] * self.size
        dist.all_gather_object(said, value)
        return said

    def told(self, value: T) -> T:
        said = [value]
        dist.broadcast_object_list(said, src=0)
        return said[0]

    def decided(self, code: int) -> int:
        said = torch.tensor(code)
        dist.broadcast(said, src=0)
        return int(said)

    def broadcast(self, module: nn.Module) -> None:
        for tensor in module.state_dict().values():
            if isinstance(tensor, Tensor):
                sent = tensor.detach().contiguous()
                dist.broadcast(sent, src=0)
                tensor.copy_(sent)

    def barrier(self) -> None:
        self.sum(torch.zeros(()))

    def close(self) -> None:
        if dist.is_initialized():
            dist.destroy_process_group()


class _Gathered(torch.autograd.Function):
    """The parts of a batch put together; back goes the sum of the gradients of each part."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, group: Group, equal: bool) -> Tensor:
        ctx.group, ctx.equal, ctx.count = group, equal, len(part)
        return _whole(part, group.size)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, whole: Tensor) -> tuple[Tensor, None, None]:
        group, count = ctx.group, ctx.count
        if ctx.equal:
            begin = group.rank * count
            return whole[begin : begin + count] * group.size, None, None
        sent = whole.contiguous()
        part = sent.new_empty(count, *sent.shape[1:])
        dist.reduce_scatter_tensor(part, sent)
        return part, None, None


def _whole(part: Tensor, size: int) -> Tensor:
    """The parts of all processes, one after the other, laid out in memory as this one is."""
    if part.ndim == 4 and not part.is_contiguous() and part.is_contiguous(memory_format=torch.channels_last):
        return _whole(part.permute(0, 2, 3, 1), size).permute(0, 3, 1, 2)
    sent = part.contiguous()
    whole = sent.new_empty(size * len(sent), *sent.shape[1:])
    dist.all_gather_into_tensor(whole, sent)
    return whole
