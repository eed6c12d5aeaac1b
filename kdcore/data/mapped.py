"""Examples in a file that is mapped into memory: the system reads what is looked at, and forgets it again."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdcore.data.examples import Examples
from kdcore.errors import EngineError

INPUTS, TARGETS, ORIGIN = "inputs.npy", "targets.npy", "origin.npy"
KINDS = (np.uint8, np.float32, np.int32, np.int64)
"""Types that inputs may have."""


class Mapped:
    """Examples of a folder: ``inputs.npy``, ``targets.npy`` and ``origin.npy``, as `Examples` has them.

    Args:
        folder: that ``write`` has filled.

    Raises:
        EngineError: ``invalid_data``, when a file is missing, cut short, or holds something else.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._inputs, self.targets, self.origin = _open(self.folder)

    @classmethod
    def write(cls, examples: Examples, folder: str | Path) -> Mapped:
        """The examples put into ``folder``, and opened there."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        np.save(place / INPUTS, examples.inputs.cpu().numpy())
        np.save(place / TARGETS, examples.targets.cpu().numpy())
        np.save(place / ORIGIN, examples.origin.numpy())
        return cls(place)

    @property
    def whole(self) -> Tensor:
        """All inputs [N, ...] of the file; to be read only."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch has no tensors that cannot be written
            return torch.from_numpy(self._inputs)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        """One input and its target."""
        return torch.from_numpy(np.array(self._inputs[place])), self.targets[place]

    def rows(self, index: Tensor) -> Tensor:
        """The inputs at ``index``, int64 [B]."""
        return torch.from_numpy(self._inputs[index.numpy()])

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the files anew: a pickled map would carry every pixel."""
        self.folder = state["folder"]
        self._inputs, self.targets, self.origin = _open(self.folder)


def _open(folder: Path) -> tuple[np.ndarray[Any, np.dtype[Any]], Tensor, Tensor]:
    try:
        inputs = np.load(folder / INPUTS, mmap_mode="r")
        targets, origin = (torch.from_numpy(np.load(folder / name)) for name in (TARGETS, ORIGIN))
    except (OSError, ValueError, EOFError) as error:
        raise EngineError("invalid_data", f"no readable examples in {str(folder)!r} ({error})", "/dataset") from error
    if inputs.dtype not in KINDS or not len(inputs) == len(targets) == len(origin):
        message = f"examples in {str(folder)!r} are {inputs.dtype} {inputs.shape} with targets {tuple(targets.shape)}"
        raise EngineError("invalid_data", f"{message}: expected one target for each input", "/dataset")
    return inputs, targets, origin
