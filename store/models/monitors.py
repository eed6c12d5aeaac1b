"""Monitors of finished jobs, and the re-evaluations that they have asked for."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from store.columns import Text, Verbatim
from store.models.base import Base, Id, Json, Name, of_project

_DUE = text("next_at IS NOT NULL")


class MonitorState(StrEnum):
    """Whether a monitor is looked after; a stopped one says why."""

    ACTIVE = "active"
    STOPPED = "stopped"


class Cause(StrEnum):
    """What a re-evaluation was for: its time had come, a new version was ready, or somebody asked."""

    SCHEDULE = "schedule"
    VERSION = "version"
    REQUEST = "request"


class Outcome(StrEnum):
    """Where a re-evaluation is; all but the first are final."""

    PENDING = "pending"
    STEADY = "steady"
    DRIFTED = "drifted"
    UNKNOWN = "unknown"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Monitor(Base):
    """A finished job whose student is measured anew. Job and dataset are named by id alone: a monitor outlives them, to
    say that they are gone.

    ``seen`` is the newest version of the dataset that needs no re-evaluation any more, ``due_at`` the next time of the
    schedule, ``next_at`` when somebody has to look.
    """

    __tablename__ = "monitors"
    __table_args__ = (
        Index("ix_monitors_list", "project_id", "created_at", "id"),
        Index("ix_monitors_job_id", "job_id"),
        Index("ix_monitors_dataset_id", "dataset_id"),
        Index("ix_monitors_due", "next_at", postgresql_where=_DUE, sqlite_where=_DUE),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    project_id: Mapped[str] = of_project()
    name: Mapped[str] = mapped_column(Name)
    job_id: Mapped[str] = mapped_column(Id)
    dataset_id: Mapped[str] = mapped_column(Id)
    every_hours: Mapped[float | None]
    on_new_version: Mapped[bool]
    distance: Mapped[str] = mapped_column(Text(8))
    threshold: Mapped[float]
    action: Mapped[str] = mapped_column(Text(12))
    status: Mapped[str] = mapped_column(Text(12))
    reason: Mapped[str | None] = mapped_column(Text(400))
    waits_for: Mapped[str | None] = mapped_column(Text(400))
    seen: Mapped[int | None]
    reevaluations: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]
    next_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class Reevaluation(Base):
    """One measuring; it stays when its job is deleted. ``figures`` are what a list shows of ``document``."""

    __tablename__ = "reevaluations"
    __table_args__ = (
        UniqueConstraint("monitor_id", "number"),
        Index("ix_reevaluations_list", "monitor_id", "created_at", "id"),
        Index("ix_reevaluations_job_id", "job_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    monitor_id: Mapped[str] = mapped_column(Id, ForeignKey("monitors.id", ondelete="CASCADE"))
    number: Mapped[int]
    job_id: Mapped[str | None] = mapped_column(Id, ForeignKey("jobs.id", ondelete="SET NULL"))
    dataset_version: Mapped[int]
    cause: Mapped[str] = mapped_column(Text(12))
    due_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(Text(12))
    figures: Mapped[Json | None]
    document: Mapped[Json | None] = mapped_column(Verbatim)
    error: Mapped[Json | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
