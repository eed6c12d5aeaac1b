"""Where a job's examples come from: the sizes of the dataset's own splits, names and groups of its samples."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from kdcore.data.pack import read_card, read_split
from kdcore.data.splits import Data
from kdcore.spec.cards import SplitName
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.datasets import dataset_info

SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")


def sizes(plan: DatasetPlan, data: Data) -> Mapping[str, int]:
    """Examples of each split as it came, in the order in which ``Examples.origin`` counts them."""
    if data.pack is None:
        info = dataset_info(plan.name)
        return {"train": info.train, **({"test": info.test} if info.test else {})}
    card = read_card(data.pack)
    return {name: card.splits[name].count for name in SPLITS if name in card.splits}


def names(data: Data) -> list[str]:
    """What every sample was called where it came from, in the same order; empty where nobody knows.

    Raises:
        EngineError: ``invalid_data``, when the pack is damaged.
    """
    if data.pack is None:
        return []
    card = read_card(data.pack)
    found = [read_split(data.pack, split).names for split in SPLITS if split in card.splits]
    return [name for own in found for name in own] if all(found) else []


def groups(data: Data) -> Tensor | None:
    """The group of every sample, int64 [N], in the same order; None where the dataset has no groups.

    Raises:
        EngineError: ``invalid_data``, when the pack is damaged.
    """
    if data.pack is None:
        return None
    card = read_card(data.pack)
    found = [read_split(data.pack, split).groups for split in SPLITS if split in card.splits]
    known = [torch.from_numpy(own) for own in found if own is not None]
    return torch.cat(known) if known and len(known) == len(found) else None
