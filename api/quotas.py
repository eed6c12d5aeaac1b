"""What a project may have at once and use in a month, asked when a job is made."""

from __future__ import annotations

from sqlalchemy.orm import Session

from api.errors import Refused
from store import projects
from store.settings import Settings

_SOON, _LATER = "60", "3600"


def check_room(session: Session, settings: Settings, project_id: str) -> None:
    """Whether the project may have one job more; the job that was just made counts, too.

    Raises:
        Refused: 429 ``quota_exceeded``, with what helps.
    """
    project = projects.room(session, project_id)
    most = project.jobs_in_flight or settings.jobs_in_flight
    if project.in_flight > most:
        raise _exceeded(f"the project has {most} jobs that have not ended; wait for some, or cancel them", _SOON)
    if project.month_hours is None:
        return
    used = projects.hours_of_month(session, project_id)
    if used >= project.month_hours:
        message = f"the project has used {used:.2f} of its {project.month_hours:g} hours of this month"
        raise _exceeded(f"{message}; wait for the next month, or ask whoever operates the service for more", _LATER)


def _exceeded(message: str, seconds: str) -> Refused:
    return Refused("quota_exceeded", message, kind="rate_limited", headers={"Retry-After": seconds})
