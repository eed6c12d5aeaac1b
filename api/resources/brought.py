"""What users bring, as datasets and models show it alike: things, their versions and the files of these."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote

from pydantic import BaseModel, Field, PrivateAttr

from api.resources.base import Created
from store.models import Thing as ThingRow
from store.models import ThingFile as FileRow
from store.models import ThingVersion as VersionRow
from store.registry import origin

Status = Literal["validating", "ready", "failed"]


class Inspected(Created):
    """What a worker looks at before it can be used."""

    _rings: str | None = PrivateAttr(default=None)

    @property
    def rings(self) -> str | None:
        """Workers that inspect."""
        return self._rings

    def waiting(self, resource_class: str) -> Self:
        """The same, with its inspection waiting for workers of this class."""
        self._rings = resource_class
        return self


class Thing(Inspected):
    """A thing of the project, by its name."""

    object: str
    name: str
    description: str
    licence: str | None
    status: Status = Field(description="of its newest version")
    task: str | None = Field(description="of its latest ready version")
    versions: int = Field(description="number of its newest version")
    latest: int | None = Field(description="number of its latest ready version: what a job takes that names none")

    @classmethod
    def of(cls, row: ThingRow, **own: Any) -> Self:
        """The thing of a row; ``own`` holds what the row does not."""
        return cls(**_columns(cls, row, own))

    @classmethod
    def path(cls, thing_id: str, *parts: str) -> str:
        """The path of a thing or of something under it."""
        return _path(cls.collection, thing_id, *parts)


class Version(Inspected):
    """A thing as it was brought once; ``parts`` are what there is to read below it."""

    parts: ClassVar[tuple[str, ...]]

    @classmethod
    def of(cls, row: VersionRow, **own: Any) -> Self:
        """The version of a row; ``own`` holds what the row does not."""
        urls = {part: cls.path(row.thing_id, row.number, part) for part in cls.parts}
        urls |= {"self": cls.path(row.thing_id, row.number), "job": f"/v1/jobs/{row.job_id}"}
        return cls(**_columns(cls, row, {"id": origin(row), "urls": urls} | own))

    @classmethod
    def path(cls, thing_id: str, number: int, *parts: str) -> str:
        """The path of a version or of something under it."""
        return _path(cls.collection, thing_id, "versions", str(number), *parts)

    @property
    def location(self) -> str:
        """Its path."""
        thing_id, _, number = self.id.partition("/")
        return self.path(thing_id, int(number))


class File(BaseModel):
    """A file of a version."""

    version: ClassVar[type[Version]]
    object: str
    path: str
    role: Literal["pack", "card", "preview", "report"]
    media_type: str
    sha256: str
    bytes: int
    url: str

    @classmethod
    def of(cls, row: FileRow) -> Self:
        """The file of a row."""
        return cls(**_columns(cls, row, {"url": cls.version.path(row.thing_id, row.number, "files", row.path)}))


def _path(collection: str, thing_id: str, *parts: str) -> str:
    return "/".join([collection, thing_id, *(quote(part) for part in parts)])


def _columns(kind: type[BaseModel], row: Any, own: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in kind.model_fields if name not in ("object", *own)} | own
