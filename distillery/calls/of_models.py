"""Models that users bring or keep from their jobs, with their versions, aliases, lineage and files."""

from collections.abc import Mapping
from typing import Any

from distillery.calls.requests import Call, Json, Pages, creating, given, path_of, version_path


def models(
    *, task: str | None = None, status: str | None = None, q: str | None = None, limit: int | None = None
) -> Pages[Json]:
    """The project's models, newest first, over all pages; `limit` ends early; `q` is the start of an id or name."""
    return Pages("/v1/models", given({"task": task, "status": status, "q": q}), limit)


def local_weights() -> Call[list[Json]]:
    """Files of pretrained weights that the operator offers; bring one with `source: {"import": ...}`."""
    return Call("GET", "/v1/models:local", part="data")


def model(model_id: str) -> Call[Json]:
    """One model."""
    return Call("GET", path_of("models", model_id))


def create_model(order: Mapping[str, Any], *, idempotency_key: str | None = None) -> Call[Json]:
    """A model with its first version: `format` with its options, `name`, and `source`, which is `{"uploads": [...]}` or
    `{"import": ...}`; or `{"from_job": ..., "name": ...}`, which is ready at once."""
    return creating("/v1/models", order, idempotency_key)


def change_model(model_id: str, **changes: str | None) -> Call[Json]:
    """Give a model another `name`, `description` or `licence`."""
    return Call("PATCH", path_of("models", model_id), body=changes)


def delete_model(model_id: str) -> Call[None]:
    """Forget a model with all its versions; refused while a job that has not ended uses one."""
    return Call("DELETE", path_of("models", model_id))


def model_versions(model_id: str) -> Pages[Json]:
    """The versions of a model, the newest first."""
    return Pages(path_of("models", model_id, "versions"))


def model_version(model_id: str, number: int) -> Call[Json]:
    """One version with its options, its card and what was found."""
    return Call("GET", version_path("models", model_id, number))


def create_model_version(model_id: str, order: Mapping[str, Any], *, idempotency_key: str | None = None) -> Call[Json]:
    """A further version of a model: as `create_model`, without a name."""
    return creating(path_of("models", model_id, "versions"), order, idempotency_key)


def delete_model_version(model_id: str, number: int) -> Call[None]:
    """Forget one version; refused for the only one, and while an alias or a job uses it."""
    return Call("DELETE", version_path("models", model_id, number))


def set_model_alias(model_id: str, alias: str, version: int) -> Call[Json]:
    """Point an alias, such as `champion`, at a version."""
    return Call("PUT", path_of("models", model_id, "aliases", alias), body={"version": version})


def delete_model_alias(model_id: str, alias: str) -> Call[None]:
    """Forget an alias."""
    return Call("DELETE", path_of("models", model_id, "aliases", alias))


def model_lineage(model_id: str, version: int | None = None) -> Call[Json]:
    """What a version (the newest when left out) was made from and what was made from it: nodes and edges."""
    return Call("GET", path_of("models", model_id, "lineage"), given({"version": version}))


def model_files(model_id: str, number: int) -> Pages[Json]:
    """The files of a version by their paths."""
    return Pages(version_path("models", model_id, number, "files"))
