"""What all that users bring has in common: a thing by its name, its numbered versions, and the files of each."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, synonym

from store.columns import Serial, Text, Verbatim
from store.models.base import Base, Digest, Id, Json, Name, of_project


class VersionStatus(StrEnum):
    """Where what was brought stands: being looked at, ready to be used, or refused."""

    VALIDATING = "validating"
    READY = "ready"
    FAILED = "failed"


class FileRole(StrEnum):
    """What a file of a version is: part of the pack, its card, a sample to look at, or the report."""

    PACK = "pack"
    CARD = "card"
    PREVIEW = "preview"
    REPORT = "report"


class Thing(Base):
    """A thing by its name. ``status`` is that of its newest version, ``task`` that of its latest ready one."""

    __abstract__ = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        return (
            UniqueConstraint("project_id", "name"),
            Index(f"ix_{cls.__tablename__}_list", "project_id", "created_at", "id"),
            Index(f"ix_{cls.__tablename__}_name", "project_id", "name_key"),
        )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    project_id: Mapped[str] = of_project()
    name: Mapped[str] = mapped_column(Name)
    name_key: Mapped[str] = mapped_column(Name)  # the name in lower case: what a search by prefix reads
    description: Mapped[str] = mapped_column(Text(4000))
    licence: Mapped[str | None] = mapped_column(Name)
    status: Mapped[str] = mapped_column(Text(12))
    task: Mapped[str | None] = mapped_column(Text(40))
    versions: Mapped[int]  # how many there have been: the number of the newest
    latest: Mapped[int | None]  # the latest ready one
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class Owned(Base):
    """A row of a thing, whose id the column ``owner`` holds."""

    __abstract__ = True
    owner: ClassVar[str]

    @declared_attr
    @classmethod
    def thing_id(cls) -> Mapped[str]:
        """The thing's id, by one name for all kinds of things."""
        return synonym(cls.owner)


class ThingVersion(Owned):
    """A thing as it was brought once: how, by which inspection, and what that found."""

    __abstract__ = True

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    status: Mapped[str] = mapped_column(Text(12))
    job_id: Mapped[str] = mapped_column(Id, index=True)
    options: Mapped[Json] = mapped_column(Verbatim)
    source: Mapped[Json]
    card: Mapped[Json | None] = mapped_column(Verbatim)
    report: Mapped[Json | None] = mapped_column(Verbatim)
    error: Mapped[Json | None]
    sha256: Mapped[str | None] = mapped_column(Digest)
    bytes: Mapped[int | None] = mapped_column(Serial)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ThingFile(Owned):
    """A file of a version, in the store of files under ``key``."""

    __abstract__ = True

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(Text(400), primary_key=True)
    role: Mapped[str] = mapped_column(Text(12))
    media_type: Mapped[str] = mapped_column(Text(120))
    sha256: Mapped[str] = mapped_column(Digest)
    bytes: Mapped[int] = mapped_column(Serial)
    key: Mapped[str] = mapped_column(Name, index=True)
