"""How many examples each class has, and the datasets that nobody could learn from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kdcore.bring.cutting import Places
from kdcore.bring.findings import Findings
from kdcore.bring.moments import blocks
from kdcore.bring.room import Array, Reading
from kdcore.errors import EngineError
from kdcore.spec.cards import SplitName

FEW = 10
"""Examples of a class below which a split says little about it."""

Counts = Mapping[SplitName, tuple[int, ...]]


def class_counts(reading: Reading, places: Places) -> tuple[int, ...]:
    """Examples, positive labels, boxes or pixels of each class; nothing where there are no classes."""
    classes = len(reading.target.classes)
    if reading.task in {"regression", "generation"}:
        return ()
    total = np.zeros(classes, dtype=np.int64)
    for block in blocks(reading.targets, places):
        total += _counted(reading.task, block, classes)
    return tuple(total.tolist())


def _counted(task: str, block: Array, classes: int) -> Array:
    if task == "multilabel":
        return np.asarray(block.sum(axis=0), dtype=np.int64)
    numbers = block[..., 0] if task == "detection" else block
    inside = numbers[(numbers >= 0) & (numbers < classes)].astype(np.int64)
    return np.bincount(inside, minlength=classes)


def check_classes(reading: Reading, counts: Counts, found: Findings) -> None:
    """Refuse a dataset whose answers are all the same, or that has a class without training examples.

    A class without boxes or pixels is warned of only: lists of classes are often longer than a small dataset needs.

    Raises:
        EngineError: ``invalid_data``, naming the classes.
    """
    if not counts["train"]:
        return
    names, train = reading.target.classes, counts["train"]
    if len(names) < 2 and reading.task in {"classification", "segmentation"}:
        only = repr(names[0]) if names else "none"
        message = f"there is one class only ({only}): bring examples of a second one"
        raise EngineError("invalid_data", message, "/source")
    if empty := [name for name, count in zip(names, train, strict=True) if not count]:
        listed = ", ".join(map(repr, empty[:10])) + (" ..." if len(empty) > 10 else "")
        message = f"{len(empty)} classes have no training examples: {listed}"
        if reading.task in {"classification", "multilabel"}:
            raise EngineError("invalid_data", f"{message}: bring some, or leave the classes out", "/source")
        found.warn("empty_class", message, classes=empty)
    if not sum(train):
        raise EngineError("invalid_data", "the training split has no answer at all: bring labels", "/source")
    for split, row in counts.items():
        rare = [name for name, count in zip(names, row, strict=True) if 0 < count < FEW]
        if rare and reading.task != "segmentation":
            message = f"{len(rare)} classes have fewer than {FEW} examples in {split}: {', '.join(rare[:10])}"
            found.warn("rare_class", message, split=split, classes=rare)
    _check_unseen(names, counts, found)


def _check_unseen(names: tuple[str, ...], counts: Counts, found: Findings) -> None:
    for split, row in counts.items():
        missing = [name for name, count, train in zip(names, row, counts["train"], strict=True) if train and not count]
        if missing:
            message = f"{len(missing)} classes do not occur in {split}: {', '.join(missing[:10])}"
            found.warn("unseen_class", message, split=split, classes=missing)


def check_values(reading: Reading, places: Places) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of the values to predict, over the training examples; empty for other tasks.

    Raises:
        EngineError: ``invalid_data``, when a value is no finite number, or all are the same.
    """
    if reading.task != "regression":
        return (), ()
    values = np.asarray(reading.targets, dtype=np.float64)
    if len(wrong := np.argwhere(~np.isfinite(values))):
        row, column = wrong[0]
        message = f"{reading.names[row]}: {reading.target.classes[column]} is no finite number: fill it in"
        raise EngineError("invalid_data", message, "/source")
    mean, std = values[places].mean(axis=0), values[places].std(axis=0)
    if not std.all():
        name = reading.target.classes[int(np.argmin(std))]
        message = f"{name} has the same value in every training example: there is nothing to learn"
        raise EngineError("invalid_data", message, "/source")
    return tuple(mean.tolist()), tuple(std.tolist())
