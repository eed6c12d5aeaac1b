"""Train, validation and test: seeded, and the test split closed until everything is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from kdcore.data.examples import Examples
from kdcore.data.normalise import moments
from kdcore.data.packs import placed, read_pack
from kdcore.data.readers import read
from kdcore.errors import EngineError
from kdcore.seeds import generator
from kdcore.spec.dataset_plan import DatasetPlan, dataset_plan
from kdcore.spec.datasets import dataset_info
from kdcore.spec.job import DatasetRef
from kdcore.spec.tasks import InputKind


class TestSplitClosed(RuntimeError):
    """Somebody asked for the test examples while something could still be chosen by them."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__("the test split opens after training; choose by the validation split")


@dataclass
class Data:
    """A dataset divided.

    Attributes:
        train: examples to learn from.
        validation: examples to choose by: best epoch, early stopping, searches.
        mean, std: of the training inputs by channel, pictures on the scale 0 to 1; empty for tokens.
        kind: of the inputs.
        pack: folder of the files that it was read from, where it was brought.
    """

    train: Examples
    validation: Examples
    mean: tuple[float, ...]
    std: tuple[float, ...]
    _test: Examples = field(repr=False)
    kind: InputKind = "image"
    pack: Path | None = None
    _open: bool = field(default=False, repr=False)

    def prepare(self, change: Callable[[Tensor], Tensor]) -> None:
        """Give every split the targets that ``change`` makes of its own."""
        for name in ("train", "validation", "_test"):
            one: Examples = getattr(self, name)
            setattr(self, name, Examples(one.inputs, change(one.targets), one.origin))

    @property
    def origins(self) -> dict[str, Tensor]:
        """Where each split's examples come from, see ``Examples.origin``; that opens no split."""
        return {"train": self.train.origin, "validation": self.validation.origin, "test": self._test.origin}

    def answered(self, by: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        """What ``by`` says about the inputs of every split; that shows no target of the test split."""
        return {"train": by(self.train.inputs), "validation": by(self.validation.inputs), "test": by(self._test.inputs)}

    def open_test(self) -> Examples:
        """The test examples, from now on: nothing may be trained or chosen any more."""
        self._open = True
        return self._test

    @property
    def test(self) -> Examples:
        """The test examples.

        Raises:
            TestSplitClosed: before ``open_test``.
        """
        if not self._open:
            raise TestSplitClosed
        return self._test

    def sha256(self) -> dict[str, str]:
        """Digests of the three splits; they say which examples were used and show none."""
        return {"train": self.train.sha256(), "validation": self.validation.sha256(), "test": self._test.sha256()}


def open_data(plan: DatasetPlan, folder: str | Path | None = None) -> Data:
    """Read and divide the dataset of a plan.

    Args:
        folder: torchvision's root of a built-in dataset, or what the folder of a pack is relative to.

    Raises:
        EngineError: ``invalid_data`` when it cannot be read or does not have the plan's sizes.
    """
    pack = None if plan.pack is None else Path(folder or ".") / plan.pack
    given = _given(plan, folder) if pack is None else read_pack(pack, plan)
    seed, rest = plan.splits.seed, given["train"]
    test = given.get("test")
    if test is None:
        test, rest = divide(rest, plan.counts.test, seed, "test", plan)
    validation = given.get("validation")
    if validation is None:
        validation, rest = divide(rest, plan.counts.validation, seed, "validation", plan)
    if plan.limit is not None and plan.counts.train < len(rest):
        rest, _ = divide(rest, plan.counts.train, seed, "limit", plan)
    found = (len(rest), len(validation), len(test))
    if found != (plan.counts.train, plan.counts.validation, plan.counts.test):
        raise EngineError("invalid_data", f"splits of {found} examples, planned were {plan.counts}", "/dataset")
    kind = plan.input.kind
    mean, std = moments(rest.inputs, kind)
    return Data(rest, validation, mean, std, test, kind, pack)


def _given(plan: DatasetPlan, folder: str | Path | None) -> dict[str, Examples]:
    """The official splits of a built-in dataset."""
    return placed({split: read(plan.name, split, plan.path or folder) for split in plan.given})


def load(name: str, split: str = "train", folder: str | Path | None = None) -> Examples:
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


def divide(
    examples: Examples, count: int, seed: int, purpose: str, plan: DatasetPlan | None = None
) -> tuple[Examples, Examples]:
    """``count`` examples and the rest, both in their original order; stratified where each has one class."""
    chosen = drawn(examples.targets, count, seed, purpose, classes=plan is None or plan.info.answers_classes)
    rest = torch.ones(len(examples), dtype=torch.bool)
    rest[chosen] = False
    return examples.take(chosen), examples.take(rest.nonzero().flatten())


def drawn(targets: Tensor, count: int, seed: int, purpose: str, *, classes: bool) -> Tensor:
    """Indices of ``count`` examples, ascending; every class in its share where the targets are ``classes``."""
    if classes:
        return stratified(targets, count, seed, purpose)
    order = torch.randperm(len(targets), generator=generator(seed, "split", purpose))
    return order[:count].sort().values


def stratified(labels: Tensor, count: int, seed: int, purpose: str) -> Tensor:
    """Indices of ``count`` examples with every class in its share (largest remainders, ties to the lower label)."""
    sizes = torch.bincount(labels)
    shares = sizes.double() * count / len(labels)
    quota = shares.floor().long()
    missing = count - int(quota.sum())
    quota[torch.argsort(shares - quota, descending=True, stable=True)[:missing]] += 1
    order = torch.randperm(len(labels), generator=generator(seed, "split", purpose))
    shuffled = labels[order]
    chosen = [order[shuffled == label][: int(quota[label])] for label in range(len(sizes))]
    return torch.cat(chosen).sort().values
