"""Pictures in a file that is mapped into memory: the system reads what is looked at, and forgets it again."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdcore.data.readers import Pictures
from kdcore.errors import EngineError

IMAGES, LABELS = "images.npy", "labels.npy"


class Mapped:
    """Labelled pictures of a folder: ``images.npy``, uint8 [N, C, H, W], and ``labels.npy``, int64 [N].

    Args:
        folder: that ``write`` has filled.

    Raises:
        EngineError: ``invalid_data``, when a file is missing, cut short, or holds something else.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._images, self.labels = _open(self.folder)

    @classmethod
    def write(cls, pictures: Pictures, folder: str | Path) -> Mapped:
        """The pictures put into ``folder``, and opened there."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        np.save(place / IMAGES, pictures.images.cpu().numpy())
        np.save(place / LABELS, pictures.labels.cpu().numpy())
        return cls(place)

    @property
    def whole(self) -> Tensor:
        """All pictures, uint8 [N, C, H, W], of the file; to be read only."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch has no tensors that cannot be written
            return torch.from_numpy(self._images)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        """One picture, uint8 [C, H, W], and its label."""
        return torch.from_numpy(np.array(self._images[place])), int(self.labels[place])

    def rows(self, index: Tensor) -> Tensor:
        """The pictures at ``index``: uint8 [B, C, H, W]."""
        return torch.from_numpy(self._images[index.numpy()])

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the files anew: a pickled map would carry every pixel."""
        self.folder = state["folder"]
        self._images, self.labels = _open(self.folder)


def _open(folder: Path) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], Tensor]:
    try:
        images, labels = np.load(folder / IMAGES, mmap_mode="r"), torch.from_numpy(np.load(folder / LABELS))
    except (OSError, ValueError, EOFError) as error:
        raise EngineError("invalid_data", f"no readable pictures in {str(folder)!r} ({error})", "/dataset") from error
    if images.dtype != np.uint8 or images.ndim != 4 or labels.shape != (len(images),):
        message = f"pictures in {str(folder)!r} are {images.dtype} {images.shape} with labels {tuple(labels.shape)}"
        raise EngineError("invalid_data", f"{message}: expected uint8 [N, C, H, W] and [N]", "/dataset")
    return images, labels
