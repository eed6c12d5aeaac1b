"""Datasets that users bring, with their versions, files and samples."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.resources.base import AnyJson, ErrorJson
from api.resources.brought import File, Status, Thing, Version
from store.models import Dataset as DatasetRow
from store.models import DatasetVersion as VersionRow

_WITHOUT_CLASSES = {"regression", "generation"}


class DatasetSummary(BaseModel):
    """What a version holds, in a few numbers."""

    examples: dict[str, int] = Field(description="by split", examples=[{"train": 48_000, "test": 12_000}])
    classes: int | None = Field(description="how many there are, where the task has some")
    input: AnyJson = Field(
        description="kind and shape of an example", examples=[{"kind": "image", "shape": [3, 64, 64]}]
    )
    bytes: int | None = Field(description="of the pack")


class Dataset(Thing):
    """A dataset of the project, by its name."""

    collection = "/v1/datasets"
    object: Literal["dataset"] = "dataset"
    id: str = Field(examples=["ds_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    summary: DatasetSummary | None = Field(description="of its latest ready version")
    version: int = Field(description="grows with each change of the dataset or of a version's status; also the ETag")
    created_at: datetime
    urls: dict[str, str]


class DatasetVersion(Version):
    """A dataset as it was brought once."""

    collection = "/v1/datasets"
    parts = ("report", "samples", "files")
    object: Literal["dataset_version"] = "dataset_version"
    id: str = Field(examples=["ds_01k8t2v4x6a8c0e2g4h6j8k0m2/1"])
    dataset_id: str
    number: int
    status: Status
    job_id: str = Field(description="the inspection: a job with events, logs and attempts like any other")
    source: AnyJson = Field(description="where it came from")
    error: ErrorJson | None = Field(description="why it cannot be used")
    sha256: str | None = Field(description="of its content: splits, arrays and classes")
    bytes: int | None = Field(description="of the pack")
    created_at: datetime
    ended_at: datetime | None
    urls: dict[str, str]


class DatasetVersionDetail(DatasetVersion):
    """A version with how it was asked for and what came of it."""

    options: AnyJson
    card: AnyJson | None = Field(description="task, shapes, classes, splits: what a job is planned by")


class DatasetFile(File):
    """A file of a version."""

    version = DatasetVersion
    object: Literal["dataset_file"] = "dataset_file"
    path: str = Field(examples=["train/inputs.npy"])


class Sample(BaseModel):
    """An example to look at; what else shows it depends on its kind."""

    model_config = ConfigDict(extra="allow")

    name: str
    split: str
    target: Any = Field(None, description="what the example asks for", examples=["dark"])
    url: str | None = Field(None, description="of its picture, where it has one")


def dataset(row: DatasetRow, latest: VersionRow | None = None) -> Dataset:
    """The dataset of a row, with its latest ready version where it has one."""
    urls = {"self": Dataset.path(row.id), "versions": Dataset.path(row.id, "versions")}
    if row.latest is not None:
        newest = DatasetVersion.path(row.id, row.latest)
        urls |= {"latest": newest, "samples": f"{newest}/samples"}
    return Dataset.of(row, summary=None if latest is None else _summary(latest), urls=urls)


def _summary(row: VersionRow) -> DatasetSummary:
    card = dict(row.card or {})
    return DatasetSummary(
        examples={split: part["count"] for split, part in card["splits"].items()},
        classes=None if card["task"] in _WITHOUT_CLASSES else len(card["target"]["classes"]),
        input={"kind": card["input"]["kind"], "shape": card["input"]["shape"]},
        bytes=row.bytes,
    )
