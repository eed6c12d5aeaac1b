"""What only models have: aliases for versions, what a version was made from, and versions that a job left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, cast, select
from sqlalchemy.orm import Session

from store import registry, shelves
from store.database import now
from store.errors import Conflict, NotFound
from store.models import Artifact, FileRole, Job, Model, ModelAlias, ModelVersion, VersionStatus
from store.shelves import MODELS

ALIASES_MAX = 50


class Essence(NamedTuple):
    """What a list says of a model's latest ready version, off its card."""

    kind: str | None = None
    architecture: str | None = None
    parameters: int | None = None


def add_version(
    session: Session,
    model: Model,
    job: Job,
    options: Mapping[str, Any],
    source: Mapping[str, Any],
    parents: Sequence[Mapping[str, Any]] = (),
) -> ModelVersion:
    """The next version of a model, which ``job`` inspects.

    Raises:
        Conflict: it has had as many as a model may.
    """
    own = {"of": [dict(parent) for parent in parents]}
    return registry.add_version(session, MODELS, model, job, options, source, parents=own)


def keep(
    session: Session,
    model: Model,
    job: Job,
    card: Mapping[str, Any],
    files: Mapping[str, Artifact],
    parents: Sequence[Mapping[str, Any]],
) -> ModelVersion:
    """The next version of a model: what a job left, ready at once.

    Args:
        card: of it.
        files: the job's artifacts by their paths in the model.

    Raises:
        Conflict: it has had as many as a model may.
    """
    version = add_version(session, model, job, {"format": "job"}, {"job": job.id}, parents)
    session.add_all(shelves.stored(MODELS, version, path, FileRole.PACK, one) for path, one in files.items())
    version.status, version.card, version.sha256 = VersionStatus.READY, dict(card), str(card["sha256"])
    version.report, version.ended_at = dict(card["report"]), now(session)
    version.bytes = sum(artifact.bytes for artifact in files.values())
    shelves.restate(session, MODELS, model.id)
    return version


def artifacts(session: Session, job: Job) -> dict[str, Artifact]:
    """What a job left, by name."""
    return {row.name: row for row in session.scalars(select(Artifact).where(Artifact.job_id == job.id))}


def aliases(session: Session, model_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """Numbers of versions by alias, for each of the models."""
    found: dict[str, dict[str, int]] = {model_id: {} for model_id in model_ids}
    query = select(ModelAlias).where(ModelAlias.model_id.in_(list(found))).order_by(ModelAlias.alias)
    for row in session.scalars(query):
        found[row.model_id][row.alias] = row.number
    return found


def essences(session: Session, found: Iterable[Model]) -> dict[str, Essence]:
    """What each model is, as its latest ready version says; cards are not read whole: their reports are long."""
    card, ids = ModelVersion.card, [model.id for model in found]
    facts = [card[name].as_string() for name in ("kind", "architecture")]
    query = select(Model.id, *facts, cast(card["parameters"].as_string(), BigInteger)).join(
        ModelVersion, (ModelVersion.model_id == Model.id) & (ModelVersion.number == Model.latest)
    )
    rows = session.execute(query.where(Model.id.in_(ids)))
    return dict.fromkeys(ids, Essence()) | {model_id: Essence(*rest) for model_id, *rest in rows}


def set_alias(session: Session, model: Model, alias: str, number: int) -> None:
    """Points an alias at a version.

    Raises:
        NotFound: the model has no such version.
        Conflict: the version is not ready, or the model has as many aliases as it may.
    """
    registry.hold(session, model)
    version = registry.get_version(session, MODELS, model, number)
    if version.status != VersionStatus.READY:
        raise Conflict("not_ready", f"Version {number} of {model.id} is {version.status}; an alias needs a ready one.")
    row = session.get(ModelAlias, (model.id, alias))
    if row is None:
        if len(aliases(session, [model.id])[model.id]) >= ALIASES_MAX:
            raise Conflict("too_many_aliases", f"A model has {ALIASES_MAX} aliases at most; remove one.")
        row = ModelAlias(model_id=model.id, alias=alias, number=number)
        session.add(row)
    row.number, model.version = number, model.version + 1
    session.flush()


def remove_alias(session: Session, model: Model, alias: str) -> None:
    """Forgets an alias.

    Raises:
        NotFound: the model has none of that name.
    """
    row = session.get(ModelAlias, (model.id, alias))
    if row is None:
        raise NotFound("alias", alias)
    session.delete(row)
    model.version += 1
    session.flush()


def delete_version(session: Session, model: Model, number: int) -> None:
    """Forgets a version with its files.

    Raises:
        NotFound: the model has none of that number.
        Conflict: it is the only one, an alias names it, or a job that has not ended uses it.
    """
    version = registry.removable(session, MODELS, model, number)
    named = [alias for alias, at in aliases(session, [model.id])[model.id].items() if at == number]
    if named:
        message = f"Alias {named[0]!r} names version {number}; point it at another one first."
        raise Conflict("model_in_use", message)
    registry.remove(session, MODELS, version)
