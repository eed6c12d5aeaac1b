"""A job and its story. The job's row is small because lists read it; what only its own page needs is kept beside it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from store.columns import Serial, Text, Verbatim
from store.models.base import Base, Digest, Id, JobState, Json, Name, of_job, of_project

_QUEUED = text("status = 'queued'")
_LEASED = text("lease_owner IS NOT NULL")
_INSPECTIONS = text("kind = 'inspection'")
_ENDED = text("finished_at IS NOT NULL")
_OF_STUDIES = text("study_id IS NOT NULL")
_UNTRIMMED = text("trimmed_at IS NULL AND finished_at IS NOT NULL")


class JobKind(StrEnum):
    """What a job is for: to distil, to look at what somebody brought before anything learns from it, or to measure the
    student of a finished job anew."""

    DISTILLATION = "distillation"
    INSPECTION = "inspection"
    REEVALUATION = "reevaluation"


class Job(Base):
    """A job as a list shows it, with its lease. ``status`` is written by store.states alone."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_list", "project_id", "created_at", "id"),
        Index("ix_jobs_list_status", "project_id", "status", "created_at", "id"),
        Index("ix_jobs_list_method", "project_id", "method", "created_at", "id"),
        Index("ix_jobs_list_name", "project_id", "name_key", "id"),
        Index("ix_jobs_list_status_name", "project_id", "status", "name_key", "id"),
        Index(
            "ix_jobs_list_finished", "project_id", "status", "finished_at", "id", "kind",
            postgresql_where=_ENDED, sqlite_where=_ENDED,
        ),
        Index(
            "ix_jobs_list_inspections", "project_id", "created_at", "id",
            postgresql_where=_INSPECTIONS, sqlite_where=_INSPECTIONS,
        ),
        Index(
            "ix_jobs_list_study", "study_id", "created_at", "id",
            postgresql_where=_OF_STUDIES, sqlite_where=_OF_STUDIES,
        ),
        Index(
            "ix_jobs_queue", "project_id", "resource_class", "urgency", "queued_at", "id",
            postgresql_where=_QUEUED, sqlite_where=_QUEUED,
        ),
        Index("ix_jobs_lease_owner", "lease_owner", postgresql_where=_LEASED, sqlite_where=_LEASED),
        Index("ix_jobs_finished_at", "finished_at"),
        Index("ix_jobs_untrimmed", "finished_at", postgresql_where=_UNTRIMMED, sqlite_where=_UNTRIMMED),
        Index("ix_jobs_lease_expiry", "lease_expires_at", postgresql_where=_LEASED, sqlite_where=_LEASED),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    project_id: Mapped[str] = mapped_column(Id, ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(Name)
    name_key: Mapped[str] = mapped_column(Name)  # the name in lower case: what a search by prefix reads
    method: Mapped[str] = mapped_column(Name)
    dataset: Mapped[str] = mapped_column(Name)
    teacher: Mapped[str | None] = mapped_column(Name)
    student: Mapped[str | None] = mapped_column(Name)
    labels: Mapped[dict[str, str]]
    resource_class: Mapped[str] = mapped_column(Text(40))
    priority: Mapped[int]
    urgency: Mapped[int]  # minus the priority, so that one ascending index serves the queue
    status: Mapped[JobState]
    termination_reason: Mapped[str | None] = mapped_column(Text(80))
    version: Mapped[int] = mapped_column(default=1)
    event_seq: Mapped[int] = mapped_column(default=0)
    attempt: Mapped[int] = mapped_column(default=0)
    attempts_max: Mapped[int]
    not_before: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(Text(120))
    lease_expires_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    phase: Mapped[str | None] = mapped_column(Text(40))
    phase_at: Mapped[datetime | None]
    durations: Mapped[dict[str, float]] = mapped_column(default=dict)
    progress: Mapped[Json | None]
    metrics: Mapped[Json] = mapped_column(default=dict)
    estimate: Mapped[Json | None]
    warnings: Mapped[list[Json]] = mapped_column(default=list)
    error: Mapped[Json | None]
    verdict: Mapped[Json | None]
    retry_of: Mapped[str | None] = mapped_column(Id)
    clone_of: Mapped[str | None] = mapped_column(Id)
    resume_from: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime]
    queued_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    trimmed_at: Mapped[datetime | None]  # when its details were forgotten
    kind: Mapped[str] = mapped_column(Text(20), default=JobKind.DISTILLATION, server_default=JobKind.DISTILLATION)
    headline: Mapped[Json | None]  # the result in the few figures that a list shows
    study_id: Mapped[str | None] = mapped_column(Id, ForeignKey("studies.id", ondelete="SET NULL"))
    study_arm: Mapped[str | None] = mapped_column(Text(121))
    study_seed: Mapped[int | None]


class JobSpecRow(Base):
    """The large documents of a job."""

    __tablename__ = "job_specs"

    job_id: Mapped[str] = of_job(primary_key=True)
    spec: Mapped[Json] = mapped_column(Verbatim)
    plan: Mapped[Json] = mapped_column(Verbatim)
    resolved: Mapped[Json | None] = mapped_column(Verbatim)
    result: Mapped[Json | None] = mapped_column(Verbatim)


class JobInput(Base):
    """A file that the worker puts into the job's folder before its engine starts, in the store of files under ``key``.

    ``path`` is relative to the folder and below ``inputs/``; rows of one path are parts of one file, joined by number.
    ``key`` is empty when the file went away with its ``origin``, as ``up_...`` or ``ds_.../3``.
    """

    __tablename__ = "job_inputs"

    job_id: Mapped[str] = of_job(primary_key=True)
    path: Mapped[str] = mapped_column(Text(400), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str | None] = mapped_column(Name, index=True)
    bytes: Mapped[int] = mapped_column(Serial)
    sha256: Mapped[str] = mapped_column(Digest)
    origin: Mapped[str | None] = mapped_column(Text(60), index=True)


class JobLabel(Base):
    """A label of a job, with the list's sort key, so that a filter by label reads one index in order."""

    __tablename__ = "job_labels"
    __table_args__ = (Index("ix_job_labels_list", "project_id", "key", "value", "created_at", "job_id"),)

    job_id: Mapped[str] = of_job(primary_key=True)
    key: Mapped[str] = mapped_column(Text(63), primary_key=True)
    value: Mapped[str] = mapped_column(Name)
    project_id: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]


class Event(Base):
    """One entry of a job's story; ``seq`` has no gaps."""

    __tablename__ = "events"

    job_id: Mapped[str] = of_job(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    type: Mapped[str] = mapped_column(Text(20))
    created_at: Mapped[datetime]
    data: Mapped[Json]

    @property
    def id(self) -> str:
        """Derived from the key, because nothing ever looks an event up by it."""
        return f"evt_{self.job_id.removeprefix('job_')}_{self.seq}"


class Attempt(Base):
    """One try of one worker."""

    __tablename__ = "attempts"

    job_id: Mapped[str] = of_job(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fence: Mapped[int]
    worker_id: Mapped[str] = mapped_column(Text(120))
    checkpoint_id: Mapped[str | None] = mapped_column(Id)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text(20))
    error: Mapped[Json | None]
    log_key: Mapped[str | None] = mapped_column(Name, index=True)
    log_bytes: Mapped[int | None] = mapped_column(Serial)


class MetricPoint(Base):
    """Values of one run at one step; ``superseded`` when a later attempt went back before it."""

    __tablename__ = "metric_points"
    __table_args__ = (Index("ix_metric_points_series", "job_id", "run", "split", "step"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    job_id: Mapped[str] = of_job()
    attempt: Mapped[int]
    run: Mapped[str] = mapped_column(Text(60))
    stage: Mapped[str | None] = mapped_column(Text(60))
    split: Mapped[str] = mapped_column(Text(20))
    step: Mapped[int] = mapped_column(Serial)
    epoch: Mapped[float | None]
    values: Mapped[Json] = mapped_column("point_values")
    superseded: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class StateCount(Base):
    """How many jobs of a kind a project has in a state: the sum over shards, which spread the writers over rows."""

    __tablename__ = "state_counts"

    project_id: Mapped[str] = of_project(primary_key=True)
    kind: Mapped[str] = mapped_column(Text(20), primary_key=True)
    status: Mapped[JobState] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(Serial)
