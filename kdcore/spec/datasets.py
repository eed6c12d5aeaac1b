"""The built-in datasets, known by name without opening a file: what the validator and the plan need."""

from __future__ import annotations

from pydantic import BaseModel

from kdcore.spec.base import suggestion


class DatasetInfo(BaseModel):
    """A built-in dataset; all of them are labelled pictures.

    Attributes:
        name: what a spec calls it.
        title: its usual name.
        num_classes: number of labels.
        input_shape: channels, height, width of one picture.
        train, test: pictures of the official splits; ``test`` is 0 where there is none and a seeded one is cut.
        needs_folder: read through torchvision from the operator's data folder, never downloaded by itself.
        licence: as its authors state it.
        source: where it comes from.
        reader: torchvision's class, or None for scikit-learn's.
        flip: whether a mirrored picture keeps its label.
    """

    name: str
    title: str
    num_classes: int
    input_shape: tuple[int, int, int]
    train: int
    test: int
    needs_folder: bool
    licence: str
    source: str
    reader: str | None = None
    flip: bool = False


_TABLE = [
    DatasetInfo(
        name="digits", title="Optical recognition of handwritten digits", num_classes=10, input_shape=(1, 8, 8),
        train=1797, test=0, needs_folder=False, licence="CC BY 4.0 (UCI 80)", source="scikit-learn load_digits",
    ),
    DatasetInfo(
        name="mnist", title="MNIST", num_classes=10, input_shape=(1, 28, 28), train=60000, test=10000,
        needs_folder=True, licence="CC BY-SA 3.0 as commonly stated", source="LeCun, Cortes, Burges", reader="MNIST",
    ),
    DatasetInfo(
        name="fashion-mnist", title="Fashion-MNIST", num_classes=10, input_shape=(1, 28, 28), train=60000,
        test=10000, needs_folder=True, licence="MIT", source="Zalando Research", reader="FashionMNIST", flip=True,
    ),
    DatasetInfo(
        name="kmnist", title="Kuzushiji-MNIST", num_classes=10, input_shape=(1, 28, 28), train=60000, test=10000,
        needs_folder=True, licence="CC BY-SA 4.0", source="ROIS-DS CODH", reader="KMNIST",
    ),
    DatasetInfo(
        name="svhn", title="Street View House Numbers", num_classes=10, input_shape=(3, 32, 32), train=73257,
        test=26032, needs_folder=True, licence="non-commercial", source="Stanford", reader="SVHN",
    ),
    DatasetInfo(
        name="cifar10", title="CIFAR-10", num_classes=10, input_shape=(3, 32, 32), train=50000, test=10000,
        needs_folder=True, licence="none stated", source="University of Toronto", reader="CIFAR10", flip=True,
    ),
    DatasetInfo(
        name="cifar100", title="CIFAR-100", num_classes=100, input_shape=(3, 32, 32), train=50000, test=10000,
        needs_folder=True, licence="none stated", source="University of Toronto", reader="CIFAR100", flip=True,
    ),
]  # fmt: skip

DATASETS: dict[str, DatasetInfo] = {info.name: info for info in _TABLE}


class UnknownDataset(LookupError):
    """No built-in dataset has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no dataset {name!r}; {suggestion(name, DATASETS)}")


def dataset_catalogue() -> list[DatasetInfo]:
    """Every built-in dataset."""
    return list(DATASETS.values())


def dataset_info(name: str) -> DatasetInfo:
    """The built-in dataset called ``name``.

    Raises:
        UnknownDataset: with the nearest names.
    """
    if name not in DATASETS:
        raise UnknownDataset(name)
    return DATASETS[name]
