"""Whole epochs of cropped, mirrored and normalised pictures against torchvision's transforms in a DataLoader.

    .venv/bin/python bench/batches.py [--pictures 2048] [--pairs 20] [--batch 64] [--former FILE]

Every contender hands out the same number of batches of 3 x 32 x 32 pictures, shifted by up to 4 pixels, half of them
mirrored, normalised. Contenders are measured in random order, round by round; a ratio is the other's time over ours in
the same round (median, with quartiles), so 10 means that ours takes a tenth. ``--former`` names a Python file with
another ``Batches`` of the same arguments to compare with.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from kdcore.data import Examples
from kdcore.data.batches import Batches, Normalise
from kdcore.data.mapped import Mapped
from kdcore.data.streamed import Streamed
from kdcore.spec.training import Augment

MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)


class Usual(Dataset[tuple[Tensor, int]]):
    """Pictures as torchvision's CIFAR reader hands them out: one by one, through Pillow."""

    def __init__(self, pictures: Examples) -> None:
        self.pixels, self.labels = pictures.inputs.permute(0, 2, 3, 1).numpy(), pictures.targets.tolist()
        self.transform = transforms.Compose(
            [
                transforms.ToPILImage(),
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        return self.transform(self.pixels[place]), self.labels[place]


def usual(pictures: Examples, batch: int, workers: int) -> Callable[[int], object]:
    """Epochs of torchvision's transforms; the processes live on between epochs."""
    loader = DataLoader(
        Usual(pictures), batch, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0
    )
    return lambda epoch: sum(len(labels) for _, labels in loader)


def ours(kind: Any, shelf: Any, labels: Tensor, batch: int, **augment: Any) -> Callable[[int], object]:
    """Epochs of a ``Batches``."""
    made = kind(
        shelf,
        labels,
        torch.arange(len(labels)),
        steps=len(labels) // batch,
        batch_size=batch,
        seed=0,
        augment=Augment(shift=4, flip=True, **augment),
        normalise=Normalise(MEAN, STD),
    )
    return lambda epoch: sum(len(batch.targets) for batch in made.epoch(epoch))


def former(path: str) -> Any:
    """The ``Batches`` of another file."""
    found = importlib.util.spec_from_file_location("former", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.path.insert(0, str(Path(path).parent))
    sys.modules["former"] = module
    found.loader.exec_module(module)
    return module.Batches


def contenders(options: argparse.Namespace, folder: str) -> dict[str, Callable[[int], object]]:
    images = torch.randint(0, 256, (options.pictures, 3, 32, 32), dtype=torch.uint8)
    pictures = Examples(images, torch.randint(0, 10, (options.pictures,)))
    labels, batch = pictures.targets, options.batch
    stored = Mapped.write(pictures, folder)
    found = {
        "memory": ours(Batches, pictures, labels, batch),
        "memory, 8 views": ours(Batches, pictures, labels, batch, views=8),
        "file": ours(Batches, Streamed(stored), labels, batch),
        "file, 2 workers": ours(Batches, Streamed(stored, workers=2), labels, batch),
        "torchvision": usual(pictures, batch, 0),
        "torchvision, 2 workers": usual(pictures, batch, 2),
    }
    if options.former:
        found["former"] = ours(former(options.former), pictures, labels, batch)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2048)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--former", help="a Python file with another Batches")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(options, contenders(options, folder))


def run(options: argparse.Namespace, found: dict[str, Callable[[int], object]]) -> None:
    times: dict[str, list[float]] = {name: [] for name in found}
    order = random.Random(0)
    for epoch in range(options.pairs + 1):
        for name in order.sample(list(found), len(found)):
            began = time.perf_counter()
            found[name](epoch)
            times[name].append(time.perf_counter() - began)
    base = np.array(times["memory"][1:])  # the first round starts processes and fills caches
    report = {
        name: {
            "ms": round(1e3 * float(np.median(taken[1:])), 1),
            "us_per_picture": round(1e6 * float(np.median(taken[1:])) / options.pictures, 1),
            "ratio": [round(float(value), 2) for value in np.percentile(np.array(taken[1:]) / base, [25, 50, 75])],
        }
        for name, taken in times.items()
    }
    report["of"] = {**vars(options), "threads": torch.get_num_threads(), "torch": torch.__version__}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
