"""Readers: from a built-in dataset's name, and its folder, to pictures in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kdcore.data.examples import Examples
from kdcore.errors import EngineError
from kdcore.spec.datasets import DatasetInfo, dataset_info

DATA_VARIABLE = "DISTILLERY_DATA"
DOWNLOAD_VARIABLE = "DISTILLERY_ALLOW_DOWNLOAD"


def read(name: str, split: str = "train", folder: str | Path | None = None) -> Examples:
    """All pictures of one official split of a built-in dataset.

    Args:
        name: a built-in dataset.
        split: ``train`` or ``test``; a dataset without an official test split has all pictures in ``train``.
        folder: what torchvision's readers take as root; the environment's ``DISTILLERY_DATA`` when left out.
            Nothing is downloaded unless ``DISTILLERY_ALLOW_DOWNLOAD=1``.

    Raises:
        kdcore.spec.UnknownDataset: with the nearest names.
        EngineError: ``invalid_data``, when the folder cannot be read or holds something else.
    """
    info = dataset_info(name)
    if split not in {"train", "test"} or (split == "test" and not info.test):
        raise EngineError("invalid_data", f"dataset {name!r} has no official split {split!r}", "/dataset/name")
    if info.reader is None:
        return _digits()
    return _checked(_torchvision(info, split, _folder(info, folder)), info, split)


def _digits() -> Examples:
    from sklearn.datasets import load_digits

    raw = load_digits()
    images = np.rint(raw.images * (255 / 16)).astype(np.uint8)
    return Examples(torch.from_numpy(images)[:, None], torch.from_numpy(raw.target.astype(np.int64)))


def _folder(info: DatasetInfo, folder: str | Path | None) -> Path:
    chosen = folder or os.environ.get(DATA_VARIABLE)
    if not chosen:
        message = f"dataset {info.name!r} is read from a folder: set {DATA_VARIABLE} to the one that holds it"
        raise EngineError("invalid_data", message, "/dataset/path")
    root = Path(chosen)
    if not root.is_dir() or not os.access(root, os.R_OK | os.X_OK):
        raise EngineError("invalid_data", f"data folder {str(root)!r} is no readable folder", "/dataset/path")
    own = root / info.name
    return own if own.is_dir() else root


def _torchvision(info: DatasetInfo, split: str, root: Path) -> Any:
    from torchvision import datasets

    assert info.reader is not None
    reader = getattr(datasets, info.reader)
    choice = {"split": split} if info.reader == "SVHN" else {"train": split == "train"}
    download = os.environ.get(DOWNLOAD_VARIABLE) == "1"
    try:
        return reader(root=str(root), download=download, **choice)
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        message = (
            f"no readable {info.title} in {str(root)!r} ({first}): put torchvision's files there, "
            f"or allow the download with {DOWNLOAD_VARIABLE}=1"
        )
        raise EngineError("invalid_data", message, "/dataset/path") from error


def _checked(dataset: Any, info: DatasetInfo, split: str) -> Examples:
    pixels = torch.as_tensor(np.asarray(dataset.data))
    labels = torch.as_tensor(np.asarray(getattr(dataset, "targets", getattr(dataset, "labels", None)))).long()
    if pixels.ndim == 3:
        pixels = pixels[:, None]
    elif pixels.shape[1] != info.input_shape[0]:
        pixels = pixels.permute(0, 3, 1, 2)
    expected = (info.train if split == "train" else info.test, *info.input_shape)
    if tuple(pixels.shape) != expected or len(labels) != expected[0]:
        message = f"{info.title} {split} has shape {tuple(pixels.shape)}, expected {expected}: the files are damaged"
        raise EngineError("invalid_data", message, "/dataset/path")
    return Examples(pixels.contiguous(), labels)
