"""A step that does not fit into the device's memory is taken again in smaller parts, where that changes nothing."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from kdcore.errors import EngineError
from kdcore.train.parts import random_streams, set_random_streams

T = TypeVar("T")

SAID = ("DefaultCPUAllocator: ", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "std::bad_alloc")
"""What a plain RuntimeError says where memory was asked for and there was none."""

MOST_NAMED = 3
"""Pieces that an error names; of more it gives the number."""


def memory_is_full(error: BaseException) -> bool:
    """Whether an error of any kind means that memory was asked for and there was none."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in SAID)


@dataclass
class Cut:
    """Into how many micro-batches a stage's batches are cut, and the way to more of them.

    A step whose forward or backward pass finds no memory is taken again in twice as many micro-batches, or the next
    larger number that divides the batch, with the same random draws; no optimiser has moved yet. The stage stays with
    that number. What a failed pass leaves is little: gradients and what balances have gathered, which are dropped, and
    random streams, which are put back. Running statistics and what distances remember are left only by pieces that
    couple the pictures of a batch, and with one of those nothing is taken again.

    Several processes would have to agree on it in the middle of a pass that one of them could not end: there the error
    ends the attempt in all, as a lost process does.

    Attributes:
        count: micro-batches now.
        stage: its name.
        alone: whether this is the only process.
        couplings: says why batches cannot be cut, if so; asked when it comes to that.
        forget: drops what a failed pass has left.
    """

    count: int
    stage: str
    alone: bool
    couplings: Callable[[], list[str]]
    forget: Callable[[], None]
    _noticed: list[dict[str, Any]] = field(default_factory=list)

    def taken(self, take: Callable[[int], T], pictures: int, step: int) -> T:
        """``take(count)``, with the first count for which there is memory.

        Args:
            take: all forward and backward passes of a step, in so many micro-batches.
            pictures: of the batch.
            step: of the stage.

        Raises:
            EngineError: ``out_of_memory``, where pieces couple the batch, with their names, or one picture is too much.
        """
        streams, before = random_streams() if self.alone else None, self.count
        while True:
            try:
                result = take(self.count)
                break
            except (MemoryError, RuntimeError) as error:
                if streams is None or not memory_is_full(error):
                    raise
                self.count = self._next(pictures, str(error).partition("\n")[0])
            self._clear()  # out here, where the error no longer holds what the failed pass has made
            set_random_streams(streams)
        if self.count != before:
            facts = {"stage": self.stage, "step": step, "parts": self.count, "pictures": pictures // self.count}
            self._noticed.append(facts)
        return result

    def news(self) -> list[dict[str, Any]]:
        """What was noticed since the last time: a finding for each step that had to be cut."""
        noticed, self._noticed = self._noticed, []
        return noticed

    def restore(self, count: int) -> None:
        """Go on from a checkpoint or an earlier state; memory that was full once is taken to be full again."""
        self.count = max(self.count, count)

    def _next(self, pictures: int, said: str) -> int:
        """The next larger number of micro-batches."""
        full = f"the device's memory is full ({said})"
        coupled = self.couplings()
        if coupled:
            named = "; ".join(coupled[:MOST_NAMED])
            more = f"; and {len(coupled) - MOST_NAMED} pieces more" if len(coupled) > MOST_NAMED else ""
            raise _full(
                f"{full}, and taking the batch in micro-batches would change the result: {named}{more}. Take a smaller "
                f"batch_size or a smaller network, or accept that and set training.accumulate above {self.count}"
            )
        if self.count >= pictures:
            raise _full(f"{full}, even with one picture at a time: take a smaller network")
        return next(count for count in range(min(2 * self.count, pictures), pictures + 1) if pictures % count == 0)

    def _clear(self) -> None:
        self.forget()
        gc.collect()
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.empty_cache()


def _full(message: str) -> EngineError:
    return EngineError("out_of_memory", message, "/training/batch_size")
