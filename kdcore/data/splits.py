"""Train, validation and test: stratified, seeded, and the test split closed until everything is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from kdcore.data.readers import Pictures, read
from kdcore.errors import EngineError
from kdcore.seeds import generator
from kdcore.spec.datasets import dataset_info
from kdcore.spec.job import DatasetRef
from kdcore.spec.plan import DatasetPlan, dataset_plan


class TestSplitClosed(RuntimeError):
    """Somebody asked for the test pictures while something could still be chosen by them."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__("the test split opens after training; choose by the validation split")


@dataclass
class Data:
    """A dataset divided.

    Attributes:
        train: pictures to learn from.
        validation: pictures to choose by: best epoch, early stopping, searches.
        mean, std: of the training pixels by channel, on the scale 0 to 1.
    """

    train: Pictures
    validation: Pictures
    mean: tuple[float, ...]
    std: tuple[float, ...]
    _test: Pictures = field(repr=False)
    _open: bool = field(default=False, repr=False)

    def open_test(self) -> Pictures:
        """The test pictures, from now on: nothing may be trained or chosen any more."""
        self._open = True
        return self._test

    @property
    def test(self) -> Pictures:
        """The test pictures.

        Raises:
            TestSplitClosed: before ``open_test``.
        """
        if not self._open:
            raise TestSplitClosed
        return self._test

    def sha256(self) -> dict[str, str]:
        """Digests of the three splits; they say which pictures were used and show none."""
        return {"train": self.train.sha256(), "validation": self.validation.sha256(), "test": self._test.sha256()}


def open_data(plan: DatasetPlan, folder: str | Path | None = None) -> Data:
    """Read and divide the dataset of a plan.

    Raises:
        EngineError: ``invalid_data`` when it cannot be read or does not have the plan's sizes.
    """
    info = dataset_info(plan.name)
    official = read(plan.name, "train", plan.path or folder)
    seed = plan.splits.seed
    if info.test:
        test, rest = read(plan.name, "test", plan.path or folder), official
    else:
        test, rest = divide(official, plan.counts.test, seed, "test")
    validation, train = divide(rest, plan.counts.validation, seed, "validation")
    if plan.limit is not None and plan.counts.train < len(train):
        train, _ = divide(train, plan.counts.train, seed, "limit")
    found = (len(train), len(validation), len(test))
    if found != (plan.counts.train, plan.counts.validation, plan.counts.test):
        raise EngineError("invalid_data", f"splits of {found} pictures, planned were {plan.counts}", "/dataset")
    mean, std = _moments(train.images)
    return Data(train, validation, mean, std, test)


def load(name: str, split: str = "train", folder: str | Path | None = None) -> Pictures:
    """The pictures of one split of a built-in dataset, divided as a job divides it unless its spec says otherwise.

    Args:
        name: a built-in dataset.
        split: ``train``, ``validation`` or ``test``.
        folder: as for ``read``.

    Raises:
        kdcore.spec.UnknownDataset: with the nearest names.
        EngineError: ``invalid_data``, when it has no such split, or cannot be read.
    """
    data = open_data(dataset_plan(DatasetRef(name=name), dataset_info(name)), folder)
    splits = {"train": data.train, "validation": data.validation, "test": data.open_test()}
    if split not in splits:
        message = f"dataset {name!r} has no split {split!r}; splits: {', '.join(splits)}"
        raise EngineError("invalid_data", message, "/dataset/name")
    return splits[split]


def divide(pictures: Pictures, count: int, seed: int, purpose: str) -> tuple[Pictures, Pictures]:
    """``count`` pictures, stratified by label, and the rest; both in their original order."""
    chosen = stratified(pictures.labels, count, seed, purpose)
    rest = torch.ones(len(pictures), dtype=torch.bool)
    rest[chosen] = False
    return pictures.take(chosen), pictures.take(rest.nonzero().flatten())


def stratified(labels: Tensor, count: int, seed: int, purpose: str) -> Tensor:
    """Indices of ``count`` pictures with every class in its share (largest remainders, ties to the lower label)."""
    sizes = torch.bincount(labels)
    shares = sizes.double() * count / len(labels)
    quota = shares.floor().long()
    missing = count - int(quota.sum())
    quota[torch.argsort(shares - quota, descending=True, stable=True)[:missing]] += 1
    order = torch.randperm(len(labels), generator=generator(seed, "split", purpose))
    shuffled = labels[order]
    chosen = [order[shuffled == label][: int(quota[label])] for label in range(len(sizes))]
    return torch.cat(chosen).sort().values


def _moments(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation by channel, from exact integer histograms, so any machine gets the same."""
    means, stds = [], []
    levels = torch.arange(256, dtype=torch.float64) / 255
    for channel in range(images.shape[1]):
        share = torch.bincount(images[:, channel].flatten().long(), minlength=256).double()
        share /= share.sum()
        mean = float((share * levels).sum())
        means.append(mean)
        stds.append(max(float((share * (levels - mean) ** 2).sum()) ** 0.5, 1e-3))
    return tuple(means), tuple(stds)
