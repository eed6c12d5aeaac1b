"""A plan's dataset: what one example is, and how many there are in each split."""

from __future__ import annotations

from collections.abc import Mapping

from kdcore.spec.base import Strict
from kdcore.spec.brought import BroughtDataset
from kdcore.spec.cards import DatasetCard, InputCard, SplitName, TargetCard
from kdcore.spec.datasets import DatasetInfo
from kdcore.spec.job import DatasetRef, Splits
from kdcore.spec.tasks import TaskInfo, TaskName, task_info


class Counts(Strict):
    """Examples in each split."""

    train: int
    validation: int
    test: int


class DatasetPlan(Strict):
    """The dataset with its sizes.

    Attributes:
        name: a built-in dataset's, or what its user calls one that was brought.
        id, version: of one that was brought.
        path: torchvision's root, where the user names one.
        pack: folder of a brought dataset's files, as the engine finds it; None for a built-in one.
        task: what its examples ask for.
        input, target: of one example.
        given: the splits that it has by itself.
        grouped: whether examples belong to groups that no two splits share.
        flip: whether a mirrored picture keeps its label.
        rarest: training examples of the rarest class, about, where each has one class and that is known.
    """

    name: str
    id: str | None = None
    version: int | None = None
    path: str | None
    pack: str | None = None
    task: TaskName = "classification"
    input: InputCard
    target: TargetCard
    given: tuple[SplitName, ...]
    grouped: bool = False
    flip: bool = False
    splits: Splits
    limit: int | None
    counts: Counts
    rarest: int | None = None
    sha256: str | None = None

    @property
    def num_classes(self) -> int:
        """Outputs of a network: classes, labels, target values, or tokens."""
        return len(self.target.classes) or self.input.vocabulary or 1

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one input, without the batch."""
        return self.input.shape

    @property
    def info(self) -> TaskInfo:
        """Of its task."""
        return task_info(self.task)


def dataset_plan(asked: DatasetRef, found: DatasetInfo | BroughtDataset) -> DatasetPlan:
    """How many examples each split will have; known without opening a file."""
    if isinstance(found, DatasetInfo):
        return _of_builtin(asked, found)
    card = found.card
    sizes: dict[str, int] = {name: split.count for name, split in card.splits.items()}
    counts = _counts(sizes, asked)
    return DatasetPlan(
        name=card.name,
        id=asked.id,
        version=found.version,
        path=None,
        pack=found.folder,
        task=card.task,
        input=card.input,
        target=card.target,
        given=tuple(card.splits),
        grouped=card.grouped,
        flip=bool(card.flip),
        splits=asked.splits,
        limit=asked.limit,
        counts=counts,
        rarest=_rarest(card, counts),
        sha256=card.sha256,
    )


def _of_builtin(asked: DatasetRef, info: DatasetInfo) -> DatasetPlan:
    sizes = {"train": info.train, **({"test": info.test} if info.test else {})}
    counts = _counts(sizes, asked)
    return DatasetPlan(
        name=info.name,
        path=asked.path,
        input=InputCard(kind="image", shape=info.input_shape),
        target=TargetCard(classes=tuple(map(str, range(info.num_classes)))),
        given=("train", "test") if info.test else ("train",),
        flip=info.flip,
        splits=asked.splits,
        limit=asked.limit,
        counts=counts,
        rarest=counts.train // info.num_classes,
    )


def _rarest(card: DatasetCard, counts: Counts) -> int | None:
    """Splits are stratified, so that a class keeps its share of the examples."""
    train = card.splits["train"]
    known = [count for count in train.class_counts if count]
    if not known or not task_info(card.task).answers_classes or not card.target.classes:
        return None
    return min(known) * counts.train // max(1, train.count)


def _counts(sizes: Mapping[str, int], asked: DatasetRef) -> Counts:
    """Splits that are not given are cut from the training split: the test split first."""
    splits, train = asked.splits, sizes["train"]
    test = sizes.get("test") or round(train * splits.test)
    rest = train if "test" in sizes else train - test
    validation = sizes.get("validation") or round(rest * splits.validation)
    left = rest if "validation" in sizes else rest - validation
    return Counts(train=min(left, asked.limit or left), validation=validation, test=test)
