"""A dataset of drawn shapes with boxes, as a pack: discs and squares on noise, learnt in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kdcore.data.pack import Split, seal, write_split
from kdcore.spec import Plan, parse_spec, plan
from kdcore.spec.brought import Brought, BroughtDataset
from kdcore.spec.cards import DatasetCard

SIDE, MOST = 64, 3
CLASSES = ("disc", "square")


def drawn(count, seed):
    """Pictures uint8 [N, 3, 64, 64] and boxes float32 [N, 3, 5]."""
    stream = np.random.default_rng(seed)
    pictures = stream.integers(0, 60, (count, 3, SIDE, SIDE), dtype=np.uint8)
    targets = np.full((count, MOST, 5), 0, dtype=np.float32)
    targets[..., 0] = -1
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for n in range(count):
        for m in range(stream.integers(1, MOST + 1)):
            kind, size = stream.integers(2), stream.integers(14, 26)
            left, top = stream.integers(0, SIDE - size, 2)
            half = size / 2
            inside = (rows >= top) & (rows < top + size) & (columns >= left) & (columns < left + size)
            if kind == 0:
                inside = (rows - top - half + 0.5) ** 2 + (columns - left - half + 0.5) ** 2 <= half**2
            pictures[n, :, inside] = 120 + 60 * kind + stream.integers(0, 60)
            targets[n, m] = kind, left, top, left + size, top + size
    return pictures, targets


def shapes_pack(folder: Path, train=64, test=24) -> DatasetCard:
    """Write the pack; the card."""
    splits = {"train": drawn(train, 0), "test": drawn(test, 1)}
    for name, (pictures, targets) in splits.items():
        write_split(folder, name, Split(pictures, targets))
    pixels = splits["train"][0] / 255
    return seal(
        folder,
        {
            "name": "shapes",
            "task": "detection",
            "input": {"kind": "image", "shape": (3, SIDE, SIDE)},
            "target": {"classes": CLASSES, "boxes": MOST},
            "splits": {name: {"count": len(targets)} for name, (_, targets) in splits.items()},
            "mean": tuple(pixels.mean((0, 2, 3))),
            "std": tuple(pixels.std((0, 2, 3))),
            "flip": True,
        },
    )


def shapes_plan(folder: Path, spec) -> Plan:
    """The plan of a job on the pack in ``folder``, made first where there is none."""
    card = shapes_pack(folder) if not (folder / "dataset.json").exists() else None
    if card is None:
        card = DatasetCard.model_validate_json((folder / "dataset.json").read_bytes())
    given = {**spec, "dataset": {"path": str(folder), **spec.get("dataset", {})}}
    brought = Brought(datasets={str(folder): BroughtDataset(card, folder=str(folder))})
    return plan(parse_spec(given), allow_paths=True, brought=brought)
