"""Examples of a pack: a brought dataset's arrays as tensors, as a plan expects them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from kdcore.data.examples import Examples
from kdcore.data.pack import Array, read_card, read_split
from kdcore.errors import EngineError
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.tasks import UNLABELLED

WHOLE = {"classification", "segmentation", "generation"}
"""Tasks whose targets are whole numbers."""


def read_pack(folder: Path, plan: DatasetPlan) -> dict[str, Examples]:
    """The splits that the pack in ``folder`` has, inputs mapped into memory.

    Raises:
        EngineError: ``invalid_data``, when it is not the dataset that the plan was made for.
    """
    card = read_card(folder)
    if card.sha256 != plan.sha256:
        message = f"the files of dataset {plan.name!r} are not those that the job was planned with"
        raise EngineError("invalid_data", message, "/dataset")
    found = {name: read_split(folder, name) for name in card.splits}
    return placed({name: Examples(_mapped(one.inputs), _targets(one.targets, plan)) for name, one in found.items()})


def placed(splits: Mapping[str, Examples]) -> dict[str, Examples]:
    """The splits with every example's place in the whole dataset: train, then validation, then test."""
    start, result = 0, {}
    for name in ("train", "validation", "test"):
        if name in splits:
            one = splits[name]
            result[name] = Examples(one.inputs, one.targets, torch.arange(start, start + len(one)))
            start += len(one)
    return result


def _mapped(array: Array) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch has no tensors that cannot be written
        return torch.from_numpy(array)


def _targets(array: Array, plan: DatasetPlan) -> Tensor:
    """Whole numbers as int64, with what is ignored as all distances know it; others as float32."""
    if plan.task not in WHOLE:
        return torch.from_numpy(array).float()
    targets = torch.from_numpy(array).long()
    if plan.target.ignored is not None:
        targets[targets == plan.target.ignored] = UNLABELLED
    return targets
