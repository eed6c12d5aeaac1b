"""Inputs that do not fit into memory: read batch by batch, in processes of their own where that is faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler


class Source(Protocol):
    """Examples that are read one by one.

    One that can read many at once may have ``rows(index) -> [B, ...]`` for places int64 [B], too. It is pickled for
    other processes: it must open its files there, not carry them.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> tuple[Tensor, Any]:
        """One input, such as a picture uint8 [C, H, W], and its target; all inputs have one shape and type."""


def fits(size: int, budget: float) -> bool:
    """Whether inputs of ``size`` bytes may live in memory within ``budget`` gigabytes of 10^9 bytes."""
    return size <= budget * 1e9


class Streamed:
    """Inputs of a source, handed out as `Examples` in memory are: the same order gives the same batches.

    Other processes only read; what is random happens here, on whole batches. So neither their number nor their speed
    changes an input.

    Args:
        source: where the inputs are.
        device: that they are handed out on.
        workers: processes that read ahead; 0 reads when a batch is asked for. They are kept from epoch to epoch.

    Raises:
        ValueError: an empty source, or a first input that is no uint8, float32, int32 or int64 tensor.
    """

    def __init__(self, source: Source, *, device: torch.device | str = "cpu", workers: int = 0) -> None:
        if not len(source):
            raise ValueError("a source without examples cannot be streamed")
        self.source, self.device = source, torch.device(device)
        first = _checked(source[0][0], None)
        self.shape = tuple(first.shape)
        self._parts = _Parts()
        self._loader: DataLoader[Tensor] = DataLoader(
            _Rows(source, first[None][:0]),
            sampler=self._parts,
            batch_size=None,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self.device.type == "cuda",
            # A forked copy of a process whose threads have worked may hang.
            multiprocessing_context="spawn" if workers else None,
            # The loader draws a seed for each pass: not from torch's global stream, which dropout draws from.
            generator=torch.Generator(),
        )

    def __len__(self) -> int:
        return len(self.source)

    def read(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """For each of ``parts``, places int64 [B], its inputs [B, ...].

        Raises:
            ValueError: an input of another shape or type than the first.
        """
        if len(parts) == 1:  # not worth waking the others
            yield self._loader.dataset[parts[0]].to(self.device)
            return
        self._parts.now = parts
        for inputs in self._loader:
            yield inputs.to(self.device, non_blocking=True)


class _Parts(Sampler[Tensor]):
    """What is read next; another one each epoch, so that the processes live on."""

    def __init__(self) -> None:
        self.now: Sequence[Tensor] = ()

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.now)

    def __len__(self) -> int:
        return len(self.now)


class _Rows(Dataset[Tensor]):
    """Many inputs of a source at once; ``like`` is an empty batch of them."""

    def __init__(self, source: Source, like: Tensor) -> None:
        self.source, self.like = source, like

    def __getitem__(self, index: Tensor) -> Tensor:
        rows: Any = getattr(self.source, "rows", None)
        if rows is not None:
            found: Tensor = rows(index)
            return found
        return torch.stack([_checked(self.source[place][0], self.like) for place in index.tolist()])


KINDS = (torch.uint8, torch.float32, torch.int32, torch.int64)


def _checked(found: Tensor, like: Tensor | None) -> Tensor:
    if like is None and found.dtype in KINDS:
        return found
    if like is None or (found.dtype, found.shape) != (like.dtype, like.shape[1:]):
        wanted = "uint8, float32, int32 or int64" if like is None else _kind(like[0:0], like.shape[1:])
        raise ValueError(f"a source's inputs must be {wanted} (got {_kind(found, found.shape)})")
    return found


def _kind(tensor: Tensor, shape: torch.Size) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(shape)}"
