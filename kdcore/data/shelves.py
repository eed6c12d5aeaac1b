"""Where a job's training inputs stand: in the device's memory where they fit, else in a file that is streamed."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from kdcore.data.batches import Shelf
from kdcore.data.examples import Examples
from kdcore.data.mapped import Mapped
from kdcore.data.streamed import Streamed, fits

SHARE = 0.5
"""Of the memory that is free, what pictures may take where the spec does not say."""


def free_memory(device: str) -> float:
    """Free memory of a device, in gigabytes of 10^9 bytes."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0] / 1e9
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9


def streams(examples: Examples, device: str, memory_gb: float | None) -> bool:
    """Whether the inputs are too large for the memory that they may take."""
    budget = SHARE * free_memory(device) if memory_gb is None else memory_gb
    return not fits(examples.inputs.nbytes, budget)


def in_file(folder: Path) -> Examples:
    """The examples that ``Mapped.write`` has put into ``folder``: the system may forget what is not looked at."""
    mapped = Mapped(folder)
    return Examples(mapped.whole, mapped.targets, mapped.origin)


def shelf(examples: Examples, folder: Path, device: str, *, streamed: bool, readers: int) -> Shelf:
    """The inputs as batches ask for them.

    Args:
        folder: where they lie, if they are streamed.
        readers: processes that read ahead, if they are streamed.
    """
    if streamed:
        return Streamed(Mapped(folder), device=device, workers=readers)
    return examples.on(device)
