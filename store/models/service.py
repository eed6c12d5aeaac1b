"""What there is beside jobs: projects and their keys, workers, remembered answers, who changed what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from store.columns import Serial, Text, Verbatim
from store.models.base import Base, Digest, Id, Json, Name, of_project


class Project(Base):
    """A tenant. ``active`` counts its leased jobs and never exceeds ``quota`` by a claim.

    ``jobs_in_flight`` and ``month_hours`` bound what is submitted: jobs that have not ended, and the hours that engines
    worked in this month.
    """

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Name, unique=True)
    quota: Mapped[int | None]
    jobs_in_flight: Mapped[int | None]
    month_hours: Mapped[float | None]
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    active: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class UsageDay(Base):
    """How long engines worked for a project, by the day on which their attempts ended (UTC)."""

    __tablename__ = "usage_days"

    project_id: Mapped[str] = of_project(primary_key=True)
    day: Mapped[str] = mapped_column(Text(10), primary_key=True)  # as 2026-11-27, so that text sorts by time
    resource_class: Mapped[str] = mapped_column(Text(40), primary_key=True)
    seconds: Mapped[float] = mapped_column(default=0.0)
    attempts: Mapped[int] = mapped_column(Serial, default=0)


class ApiKey(Base):
    """An API key: only its HMAC is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    project_id: Mapped[str] = of_project(index=True)
    name: Mapped[str] = mapped_column(Name)
    hint: Mapped[str] = mapped_column(Text(16))
    digest: Mapped[str] = mapped_column(Digest, unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class AuditEntry(Base):
    """A change that somebody made; the key's name is kept because keys are forgotten."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_list", "project_id", "created_at", "id"),
        Index("ix_audit_entries_target", "project_id", "target", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    project_id: Mapped[str] = of_project()
    created_at: Mapped[datetime]
    key_id: Mapped[str | None] = mapped_column(Id)
    key_name: Mapped[str | None] = mapped_column(Name)
    request_id: Mapped[str | None] = mapped_column(Text(80))
    action: Mapped[str] = mapped_column(Text(60))
    target: Mapped[str] = mapped_column(Text(120))
    details: Mapped[Json]


class Worker(Base):
    """A worker process as it last described itself."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(Text(120), primary_key=True)
    facts: Mapped[Json]
    resource_classes: Mapped[list[str]]
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime] = mapped_column(index=True)


class IdempotencyRecord(Base):
    """The answer that a repeated POST gets."""

    __tablename__ = "idempotency_records"

    project_id: Mapped[str] = of_project(primary_key=True)
    key: Mapped[str] = mapped_column(Text(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Digest)
    status_code: Mapped[int]
    body: Mapped[Json] = mapped_column(Verbatim)
    location: Mapped[str | None] = mapped_column(Text(400))
    created_at: Mapped[datetime] = mapped_column(index=True)
