"""Studies, and the place that each of their jobs has in the table."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from store.columns import Text, Verbatim
from store.models.base import Base, Id, Json, Name, of_project

_DUE = text("next_at IS NOT NULL")


class StudyState(StrEnum):
    """Where a study is; the last three are final."""

    RUNNING = "running"
    WAITING = "waiting"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Study(Base):
    """A question that several jobs answer.

    ``next_at`` is when somebody has to look at it, and ``fence`` grows with each one who does. ``pilot`` is what a
    pilot has come to: ``decision``, ``approval`` and ``history``, see ``store.pilots``.
    """

    __tablename__ = "studies"
    __table_args__ = (
        Index("ix_studies_list", "project_id", "created_at", "id"),
        Index("ix_studies_due", "next_at", postgresql_where=_DUE, sqlite_where=_DUE),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    project_id: Mapped[str] = of_project()
    kind: Mapped[str] = mapped_column(Text(20))
    name: Mapped[str] = mapped_column(Name)
    name_key: Mapped[str] = mapped_column(Name)
    question: Mapped[str] = mapped_column(Text(2000))
    status: Mapped[str] = mapped_column(Text(16))
    reason: Mapped[str | None] = mapped_column(Text(400))
    waits_for: Mapped[str | None] = mapped_column(Text(400))
    spec: Mapped[Json] = mapped_column(Verbatim)
    plan: Mapped[Json] = mapped_column(Verbatim)
    stopped: Mapped[Json] = mapped_column(default=dict)
    pilot: Mapped[Json | None]
    version: Mapped[int] = mapped_column(default=1)
    fence: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class StudyRun(Base):
    """One seed of one arm, with what its job came to; it stays when the job is deleted. A shared teacher has a row of
    its own, whose arm is ``:`` and the teacher's name, and which says as what its model was kept."""

    __tablename__ = "study_runs"
    __table_args__ = (Index("ix_study_runs_job_id", "job_id"),)

    study_id: Mapped[str] = mapped_column(Id, ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)
    arm: Mapped[str] = mapped_column(Text(121), primary_key=True)
    seed: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    job_id: Mapped[str | None] = mapped_column(Id, ForeignKey("jobs.id", ondelete="SET NULL"))
    status: Mapped[str] = mapped_column(Text(16))
    score: Mapped[float | None]
    validation: Mapped[float | None]
    seconds: Mapped[float | None]
    figures: Mapped[Json | None]
    error: Mapped[Json | None]
    model_id: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
