"""A project, and what it has used."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.resources.base import Created
from store.models import Project as ProjectRow
from store.models import UsageDay as DayRow


class Project(Created):
    """A tenant: jobs and keys belong to one, and see nothing of another."""

    collection = "/v1/projects"
    object: Literal["project"] = "project"
    id: str = Field(examples=["prj_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    name: str
    concurrency: int | None = Field(description="jobs that run at once; null bounds nothing")
    jobs_in_flight: int | None = Field(description="jobs that have not ended; the service's own bound when null")
    month_hours: float | None = Field(description="hours of engines in a calendar month (UTC)")
    running: int = Field(description="jobs that workers have now")
    version: int = Field(description="grows with each change; also the ETag")
    created_at: datetime


class UsageDay(BaseModel):
    """Attempts that ended on one day, in one class of workers."""

    day: date
    resource_class: str
    hours: float
    attempts: int


class Usage(BaseModel):
    """What a project has used and stores."""

    object: Literal["usage"] = "usage"
    project_id: str
    since: date
    until: date
    hours: float = Field(description="of engines; an attempt counts on the day on which it ended (UTC)")
    month_hours: float = Field(description="the same since the first of this month: what the quota bounds")
    jobs_in_flight: int
    stored_bytes: int = Field(description="artifacts and checkpoints; a file that two jobs share counts twice")
    days: list[UsageDay]


def project(row: ProjectRow) -> Project:
    """The project of a row."""
    names = ("id", "name", "jobs_in_flight", "month_hours", "version", "created_at")
    return Project(**{name: getattr(row, name) for name in names}, concurrency=row.quota, running=row.active)


def usage_day(row: DayRow) -> UsageDay:
    """The day of a row."""
    day, hours = date.fromisoformat(row.day), row.seconds / 3600
    return UsageDay(day=day, resource_class=row.resource_class, hours=hours, attempts=row.attempts)
