"""What all tables share: types of columns, names of constraints, the states of a job."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import Enum, ForeignKey, MetaData, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from store.columns import Document, Text, UTCDateTime

Json = dict[str, Any]


class JobState(StrEnum):
    """Where a job is; the last three are final."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Base(DeclarativeBase):
    """All tables, with names for every constraint so that migrations can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UTCDateTime,
        Json: Document,
        list[Json]: Document,
        list[str]: Document,
        dict[str, str]: Document,
        dict[str, float]: Document,
        JobState: Enum(JobState, native_enum=False, length=16, values_callable=lambda states: [str(s) for s in states]),
    }


def table_of(model: type[Base]) -> Table:
    """The table behind a model, for statements that need no objects."""
    return cast(Table, model.__table__)


Id = Text(40)
Name = Text(200)
Digest = Text(64)


def of_job(**options: Any) -> Mapped[str]:
    """A column that names the job to which a row belongs, and with which it goes."""
    return mapped_column(Id, ForeignKey("jobs.id", ondelete="CASCADE"), **options)


def of_project(**options: Any) -> Mapped[str]:
    """A column that names the project to which a row belongs."""
    return mapped_column(Id, ForeignKey("projects.id", ondelete="CASCADE"), **options)
