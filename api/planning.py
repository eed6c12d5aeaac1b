"""From a spec to a plan: what users brought is looked up in their project, pinned, and given to the job as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from api.errors import Fault, Refused
from kdcore.spec import JobSpec, Plan, Problem, SpecError, parse_spec, plan
from kdcore.spec.brought import DATASET_FOLDER, Brought, BroughtDataset, BroughtModel, model_folder
from kdcore.spec.cards import DatasetCard, ModelCard
from kdcore.spec.job import ModelRef
from kdcore.spec.plan import STUDENT, TEACHER
from store import model_registry, registry
from store.database import Database
from store.errors import NotFound
from store.inputs import Input
from store.models import DatasetVersion, ModelVersion, VersionStatus
from store.shelves import DATASETS, MODELS, F, Shelf, T, V, shelf_of


@dataclass(frozen=True)
class Planned:
    """A plan, and which versions of what users brought it begins with.

    Attributes:
        document: the plan as JSON.
        versions: by the folder in which the engine finds each, id and number.
    """

    document: dict[str, Any]
    versions: Mapping[str, tuple[str, int]]

    def files(self, session: Session, project_id: str) -> list[Input]:
        """The files that the job starts from, which nobody can delete any more once the job is there.

        Raises:
            NotFound, Conflict: one went away since it was looked up.
        """
        found = []
        for folder, (thing_id, number) in self.versions.items():
            shelf = shelf_of(thing_id)
            thing = registry.get_thing(session, shelf, project_id, thing_id)
            found += registry.inputs_of(session, shelf, registry.get_version(session, shelf, thing, number), folder)
        return found


def planned(database: Database, project_id: str, body: Mapping[str, Any]) -> Planned:
    """The plan of a spec.

    Raises:
        Refused: every fault that was found, with its pointer.
    """
    try:
        found, versions = looked_up(database, project_id, body)
    except SpecError as error:
        faults = [Fault(pointer=p.pointer, code=p.code, detail=p.message) for p in error.problems]
        raise Refused("invalid_spec", str(error), errors=faults) from None
    return Planned(found.document(), versions)


def looked_up(database: Database, project_id: str, body: Mapping[str, Any]) -> tuple[Plan, dict[str, tuple[str, int]]]:
    """The plan of a spec, and which versions it begins with, by the folder in which the engine finds each.

    Raises:
        SpecError: every fault that was found.
    """
    spec = parse_spec(body)
    with database.read() as session:
        version = _dataset_of(session, project_id, spec)
        models = _models_of(session, project_id, spec)
    versions = {} if version is None else {DATASET_FOLDER: (version.dataset_id, version.number)}
    versions |= {model_folder(name): (one.model_id, one.number) for name, (_, one) in models.items()}
    return plan(spec, brought=_brought(version, models)), versions


def _brought(version: DatasetVersion | None, models: Mapping[str, tuple[str, ModelVersion]]) -> Brought:
    found = {key: BroughtModel(ModelCard.model_validate(one.card), one.number) for key, one in models.values()}
    if version is None:
        return Brought(models=found)
    card = DatasetCard.model_validate(version.card)
    return Brought({version.dataset_id: BroughtDataset(card, version.number)}, found)


def _models_of(session: Session, project_id: str, spec: JobSpec) -> dict[str, tuple[str, ModelVersion]]:
    """The versions of the project's models that a spec names, with the key that it names each by, by network.

    Raises:
        SpecError: there is none, or it is not ready.
    """
    asked: dict[str, tuple[str, ModelRef | None]] = {STUDENT: ("/student/init", spec.student.init)}
    if spec.teacher is not None:
        asked[TEACHER] = ("/teacher", spec.teacher.model)
    return {
        name: (ref.key, _model_of(session, project_id, ref, at))
        for name, (at, ref) in asked.items()
        if ref is not None and ref.id is not None
    }


def _model_of(session: Session, project_id: str, ref: ModelRef, at: str) -> ModelVersion:
    model = _thing(session, MODELS, project_id, ref.id or "", at)
    number = ref.version
    if ref.alias is not None:
        named = model_registry.aliases(session, [model.id])[model.id]
        if ref.alias not in named:
            known = ", ".join(named) or "none"
            raise _fault(f"{at}/alias", "unknown_alias", f"{model.id} has no alias {ref.alias!r}; aliases: {known}")
        number = named[ref.alias]
    return _ready(session, MODELS, model, number, at)


def _dataset_of(session: Session, project_id: str, spec: JobSpec) -> DatasetVersion | None:
    """The version of the project's dataset that a spec names; None for a built-in one.

    Raises:
        SpecError: there is none, or it is not ready.
    """
    asked = spec.dataset
    if asked.id is None:
        return None
    dataset = _thing(session, DATASETS, project_id, asked.id, "/dataset")
    return _ready(session, DATASETS, dataset, asked.version, "/dataset")


def _thing(session: Session, shelf: Shelf[T, V, F], project_id: str, thing_id: str, at: str) -> T:
    try:
        return registry.get_thing(session, shelf, project_id, thing_id)
    except NotFound as error:
        raise _fault(f"{at}/id", f"unknown_{shelf.subject}", error.message) from None


def _ready(session: Session, shelf: Shelf[T, V, F], thing: T, asked: int | None, at: str) -> V:
    """The version that was asked for, or the latest one."""
    number = asked or thing.latest
    if number is None:
        newest = registry.get_version(session, shelf, thing, thing.versions)
        raise _fault(f"{at}/id", *_why_not(shelf, newest))
    try:
        version = registry.get_version(session, shelf, thing, number)
    except NotFound as error:
        raise _fault(f"{at}/version", "unknown_version", error.message) from None
    if version.status != VersionStatus.READY:
        raise _fault(f"{at}/version", *_why_not(shelf, version))
    return version


def _why_not(shelf: Shelf[T, V, F], version: V) -> tuple[str, str]:
    which = f"version {version.number} of {version.thing_id}"
    if version.status == VersionStatus.VALIDATING:
        return f"{shelf.subject}_not_ready", f"{which} is being inspected; wait for the end of {version.job_id}"
    why = (version.error or {}).get("message") or "its inspection failed"
    return f"{shelf.subject}_failed", f"{which} cannot be used: {why}"


def _fault(pointer: str, code: str, message: str) -> SpecError:
    return SpecError([Problem(pointer=pointer, code=code, message=message)])
