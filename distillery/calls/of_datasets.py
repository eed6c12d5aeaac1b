"""Datasets that users bring, with their versions, reports, samples and files."""

from collections.abc import Mapping
from typing import Any

from distillery.calls.requests import Call, Json, Pages, creating, given, path_of, version_path


def datasets(
    *, task: str | None = None, status: str | None = None, q: str | None = None, limit: int | None = None
) -> Pages[Json]:
    """The project's datasets, newest first, over all pages; `limit` ends early; `q` is the start of an id or name."""
    return Pages("/v1/datasets", given({"task": task, "status": status, "q": q}), limit)


def dataset(dataset_id: str) -> Call[Json]:
    """One dataset."""
    return Call("GET", path_of("datasets", dataset_id))


def create_dataset(order: Mapping[str, Any], *, idempotency_key: str | None = None) -> Call[Json]:
    """A dataset with its first version, which a worker inspects: `format` with its options, `name`, and `source`, which
    is {"uploads": [ids]} or {"import": "place/folder"}."""
    return creating("/v1/datasets", order, idempotency_key)


def change_dataset(dataset_id: str, **changes: str | None) -> Call[Json]:
    """Another `name`, `description` or `licence`; what is not named stays."""
    return Call("PATCH", path_of("datasets", dataset_id), body=changes)


def delete_dataset(dataset_id: str) -> Call[None]:
    """Forget a dataset with all its versions; refused while a job that has not ended uses one."""
    return Call("DELETE", path_of("datasets", dataset_id))


def dataset_versions(dataset_id: str) -> Pages[Json]:
    """The versions of a dataset, the newest first."""
    return Pages(path_of("datasets", dataset_id, "versions"))


def dataset_version(dataset_id: str, number: int) -> Call[Json]:
    """One version with its options and its card."""
    return Call("GET", version_path("datasets", dataset_id, number))


def create_dataset_version(
    dataset_id: str, order: Mapping[str, Any], *, idempotency_key: str | None = None
) -> Call[Json]:
    """A further version of a dataset: as `create_dataset`, without a name."""
    return creating(path_of("datasets", dataset_id, "versions"), order, idempotency_key)


def delete_dataset_version(dataset_id: str, number: int) -> Call[None]:
    """Forget a version; refused for the only one, and while a job that has not ended uses it."""
    return Call("DELETE", version_path("datasets", dataset_id, number))


def dataset_report(dataset_id: str, number: int) -> Call[Json]:
    """What the inspection found: counts, classes, twins, faults by item, warnings."""
    return Call("GET", version_path("datasets", dataset_id, number, "report"))


def dataset_samples(dataset_id: str, number: int) -> Call[list[Json]]:
    """A few examples of each split."""
    return Call("GET", version_path("datasets", dataset_id, number, "samples"), part="data")


def dataset_files(dataset_id: str, number: int) -> Pages[Json]:
    """The files of a version by their paths."""
    return Pages(version_path("datasets", dataset_id, number, "files"))
