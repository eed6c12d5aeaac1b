"""Real pictures for the benchmarks: a subset of CIFAR-10 as it is found, random ones where it is not.

Not a command.
"""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import torch
from batches import MEAN, STD
from PIL import Image

from kdcore.data import Data, Examples, read
from kdcore.data.splits import stratified
from kdcore.errors import EngineError


def pictures(count: int, root: str | None) -> tuple[str, Examples]:
    """Where they come from, and a seeded, stratified subset in random order, of ``root`` or ``DISTILLERY_DATA``."""
    root = root or os.environ.get("DISTILLERY_DATA")
    packed = None if root is None else Path(root) / "cifar10-jpeg" / "train.tar.gz"
    if packed is not None and packed.is_file():
        return "CIFAR-10 (JPEG)", unpacked(packed, count)
    try:
        return "CIFAR-10", _chosen(read("cifar10", "train", root), count)
    except EngineError:
        stream = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (count, 3, 32, 32), generator=stream, dtype=torch.uint8)
        return "random pictures", Examples(images, torch.arange(count) % 10)


def unpacked(packed: Path, count: int) -> Examples:
    """A subset of an archive of picture files, whose folders are the classes."""
    with tarfile.open(packed) as archive:
        files = [member for member in archive.getmembers() if member.name.endswith((".jpg", ".png"))]
        names = sorted({Path(member.name).parent.name for member in files})
        labels = torch.tensor([names.index(Path(member.name).parent.name) for member in files])
        chosen = _shuffled(labels, count)
        found = {place: _picture(archive, files[place]) for place in sorted(chosen.tolist())}  # in the archive's order
    images = torch.stack([found[place] for place in chosen.tolist()])
    return Examples(images, labels[chosen])


def _picture(archive: tarfile.TarFile, member: tarfile.TarInfo) -> torch.Tensor:
    file = archive.extractfile(member)
    assert file is not None
    pixels = np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB"))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous()


def _chosen(whole: Examples, count: int) -> Examples:
    return whole.take(_shuffled(whole.targets, count))


def _shuffled(labels: torch.Tensor, count: int) -> torch.Tensor:
    """Places of a stratified subset, in random order."""
    chosen = stratified(labels, count, 0, "bench")
    return chosen[torch.randperm(count, generator=torch.Generator().manual_seed(0))]


def data_of(found: Examples, count: int) -> Data:
    """The subset as a job has it."""
    train, validation = found.take(torch.arange(count)), found.take(torch.arange(count, len(found)))
    return Data(train, validation, MEAN, STD, validation)
