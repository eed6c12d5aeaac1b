"""What datasets and models answer alike: lists, one of them, its versions and files, changing and deleting it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Path, Response
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request

from api import limits, resources
from api.auth import Caller
from api.content import Content, content_response
from api.orders import SourceOrder
from api.paging import PageQuery, page_of
from api.resources import (
    Dataset,
    DatasetFile,
    DatasetVersion,
    File,
    Model,
    ModelFile,
    ModelVersion,
    Page,
    Thing,
    Version,
)
from api.services import Services
from api.versions import check_version, tag
from kdcore.spec.tasks import TaskName
from store import audit, inspections, model_registry, registry, shelves
from store.inspections import Source
from store.models import Dataset as DatasetRow
from store.models import Job as JobRow
from store.models import Model as ModelRow
from store.settings import Settings
from store.shelves import F, Shelf, T, V

Number = Annotated[int, Path(ge=1, le=registry.VERSIONS_MAX, description="of the version, from 1")]

Shown = TypeVar("Shown", bound=Thing)
ShownVersion = TypeVar("ShownVersion", bound=Version)
ShownFile = TypeVar("ShownFile", bound=File)


class ThingQuery(PageQuery):
    """Filters of things that were brought."""

    task: TaskName | None = Field(None, description="of the latest ready version")
    status: Literal["validating", "ready", "failed"] | None = Field(None, description="of the newest version")
    q: str | None = Field(None, max_length=200, description="the beginning of an id or of a name, in any case")


@dataclass(frozen=True)
class Collection(Generic[T, V, F, Shown, ShownVersion, ShownFile]):
    """One kind of things that are brought, as a caller meets it.

    Attributes:
        shown: the things of rows, as they are answered.
        version, file: as what a version and a file are answered.
        most: how many a project may have.
    """

    shelf: Shelf[T, V, F]
    shown: Callable[[Session, Sequence[T]], list[Shown]]
    version: type[ShownVersion]
    file: type[ShownFile]
    most: Callable[[Settings], int]

    def thing_row(self, session: Session, caller: Caller, thing_id: str) -> T:
        """The row of a thing of the caller's project."""
        return registry.get_thing(session, self.shelf, caller.project_id, thing_id)

    def version_row(self, session: Session, caller: Caller, thing_id: str, number: int) -> V:
        """The row of a version of such a thing."""
        return registry.get_version(session, self.shelf, self.thing_row(session, caller, thing_id), number)

    def page(self, services: Services, caller: Caller, query: ThingQuery) -> Page[Shown]:
        """A page of the project's things."""
        with services.database.read() as session:
            page = registry.list_things(session, self.shelf, caller.project_id, **query.model_dump())
            data = self.shown(session, page.items)
        return Page(data=data, has_more=page.has_more, next_cursor=page.next_cursor)

    def get(self, services: Services, caller: Caller, response: Response, thing_id: str) -> Shown:
        """One thing, with its ETag."""
        with services.database.read() as session:
            return self.tagged(session, response, self.thing_row(session, caller, thing_id))

    def change(
        self,
        services: Services,
        caller: Caller,
        response: Response,
        thing_id: str,
        changes: Mapping[str, Any],
        version: str | None,
    ) -> Shown:
        """The thing as it is once it was changed."""
        with services.database.write() as session:
            row = self.thing_row(session, caller, thing_id)
            check_version(session, row, version)
            before = row.version
            if registry.change_thing(session, self.shelf, row, changes).version != before:
                audit.note(session, caller.actor, f"{self.shelf.subject}.change", thing_id, changes)
            return self.tagged(session, response, row)

    def delete(self, services: Services, caller: Caller, thing_id: str, version: str | None) -> None:
        """Forgets a thing with all its versions."""
        with services.database.write() as session:
            row = self.thing_row(session, caller, thing_id)
            check_version(session, row, version)
            audit.note(session, caller.actor, f"{self.shelf.subject}.delete", thing_id, {"name": row.name})
            registry.delete_thing(session, self.shelf, row)

    def versions(self, services: Services, caller: Caller, thing_id: str, query: PageQuery) -> Page[ShownVersion]:
        """A page of the versions of a thing."""
        with services.database.read() as session:
            row = self.thing_row(session, caller, thing_id)
            data = [self.version.of(one) for one in registry.versions(session, self.shelf, row)]
        return page_of(data, lambda one: one.id.rpartition("/")[2], query)

    def files(
        self, services: Services, caller: Caller, thing_id: str, number: int, query: PageQuery
    ) -> Page[ShownFile]:
        """A page of the files of a version."""
        with services.database.read() as session:
            version = self.version_row(session, caller, thing_id, number)
            data = [self.file.of(row) for row in registry.files(session, self.shelf, version)]
        return page_of(data, lambda file: file.path, query)

    def content(
        self, services: Services, caller: Caller, request: Request, thing_id: str, number: int, path: str
    ) -> Response:
        """The bytes of a file of a version."""
        with services.database.read() as session:
            version = self.version_row(session, caller, thing_id, number)
            row = registry.get_file(session, self.shelf, version, path)
        name = row.path.rpartition("/")[2]
        content = Content(name, row.sha256, row.bytes, row.media_type, version.ended_at or version.created_at)
        elsewhere = partial(services.files.url, row.key, limits.PRESIGNED_SECONDS)
        return content_response(request, content, partial(services.files.open, row.key), elsewhere=elsewhere)

    def tagged(self, session: Session, response: Response, row: T) -> Shown:
        """The thing of a row, with its ETag."""
        session.flush()
        response.headers["ETag"] = tag(row.version)
        return self.shown(session, [row])[0]

    def create(
        self, session: Session, services: Services, caller: Caller, name: str, description: str, licence: str | None
    ) -> T:
        """The row of a new thing without versions."""
        project_id, most = caller.project_id, self.most(services.settings)
        told: dict[str, Any] = {"description": description, "licence": licence}
        return registry.create(session, self.shelf, project_id, name, **told, most=most)

    def inspect(
        self,
        session: Session,
        services: Services,
        caller: Caller,
        options: Mapping[str, Any],
        order: SourceOrder,
        found: Source | None,
    ) -> tuple[JobRow, Source]:
        """The job that looks at what was brought, and where that lies; ``found`` is what ``imported`` gave."""
        source = found or inspections.of_uploads(session, caller.project_id, order.uploads)
        subject = self.shelf.subject
        return inspections.submit(session, services.settings, caller.project_id, subject, options, source), source


def imported(services: Services, order: SourceOrder) -> Source | None:
    """Looked at before anything is written: a place may be slow."""
    return None if order.imported is None else inspections.of_import(services.settings, order.imported)


def _datasets(session: Session, rows: Sequence[DatasetRow]) -> list[Dataset]:
    latest = registry.latest(session, shelves.DATASETS, rows)
    return [resources.dataset(row, latest.get(row.id)) for row in rows]


def _models(session: Session, rows: Sequence[ModelRow]) -> list[Model]:
    aliases = model_registry.aliases(session, [row.id for row in rows])
    essences = model_registry.essences(session, rows)
    return [resources.model(row, aliases[row.id], essences[row.id]) for row in rows]


DATASETS = Collection(shelves.DATASETS, _datasets, DatasetVersion, DatasetFile, lambda told: told.datasets_per_project)
MODELS = Collection(shelves.MODELS, _models, ModelVersion, ModelFile, lambda told: told.models_per_project)
