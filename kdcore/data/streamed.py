"""Pictures that do not fit into memory: read batch by batch, in processes of their own where that is faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler


class Source(Protocol):
    """Labelled pictures that are read one by one.

    One that can read many at once may have ``rows(index) -> uint8 [B, C, H, W]`` for places int64 [B], too. It is
    pickled for other processes: it must open its files there, not carry them.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> tuple[Tensor, int]:
        """One picture, uint8 [C, H, W], and its label; all pictures have one shape."""


def fits(size: int, budget: float) -> bool:
    """Whether pictures of ``size`` bytes may live in memory within ``budget`` gigabytes of 10^9 bytes."""
    return size <= budget * 1e9


class Streamed:
    """Pictures of a source, handed out as ``Pictures`` in memory are: the same order gives the same batches.

    Other processes only read; what is random happens here, on whole batches. So neither their number nor their speed
    changes a picture.

    Args:
        source: where the pictures are.
        device: that they are handed out on.
        workers: processes that read ahead; 0 reads when a batch is asked for. They are kept from epoch to epoch.

    Raises:
        ValueError: an empty source, or a first picture that is not uint8 [C, H, W].
    """

    def __init__(self, source: Source, *, device: torch.device | str = "cpu", workers: int = 0) -> None:
        if not len(source):
            raise ValueError("a source without pictures cannot be streamed")
        self.source, self.device = source, torch.device(device)
        self.shape = tuple(_checked(source[0][0], None).shape)
        self._parts = _Parts()
        self._loader: DataLoader[Tensor] = DataLoader(
            _Rows(source, self.shape),
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
        """For each of ``parts``, places int64 [B], its pictures: uint8 [B, C, H, W].

        Raises:
            ValueError: a picture of another shape or type.
        """
        if len(parts) == 1:  # not worth waking the others
            yield self._loader.dataset[parts[0]].to(self.device)
            return
        self._parts.now = parts
        for images in self._loader:
            yield images.to(self.device, non_blocking=True)


class _Parts(Sampler[Tensor]):
    """What is read next; another one each epoch, so that the processes live on."""

    def __init__(self) -> None:
        self.now: Sequence[Tensor] = ()

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.now)

    def __len__(self) -> int:
        return len(self.now)


class _Rows(Dataset[Tensor]):
    """Many pictures of a source at once."""

    def __init__(self, source: Source, shape: tuple[int, ...]) -> None:
        self.source, self.shape = source, shape

    def __getitem__(self, index: Tensor) -> Tensor:
        rows: Any = getattr(self.source, "rows", None)
        if rows is not None:
            found: Tensor = rows(index)
            return found
        return torch.stack([_checked(self.source[place][0], self.shape) for place in index.tolist()])


def _checked(picture: Tensor, shape: tuple[int, ...] | None) -> Tensor:
    if picture.dtype != torch.uint8 or picture.ndim != 3 or shape not in (None, tuple(picture.shape)):
        wanted = "[C, H, W]" if shape is None else str(list(shape))
        found = f"{str(picture.dtype).removeprefix('torch.')} {list(picture.shape)}"
        raise ValueError(f"a source's pictures must be uint8 {wanted} (got {found})")
    return picture
