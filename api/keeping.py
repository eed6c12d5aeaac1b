"""Models that were left by jobs: the student of a distillation as a version of a model."""

from __future__ import annotations

from sqlalchemy.orm import Session

from api.auth import Caller
from api.brought import MODELS
from api.errors import Refused
from api.kept import keep
from api.model_orders import KeptModel
from api.resources import Model, ModelVersion
from api.services import Services
from store import jobs
from store.models import Job as JobRow
from store.models import JobKind, JobState


def kept_model(session: Session, services: Services, caller: Caller, order: KeptModel) -> Model:
    """A new model with what a job left as its first version, ready at once."""
    assert order.name is not None
    row = MODELS.create(session, services, caller, order.name, order.description, order.licence)
    keep(session, row, _finished(session, caller, order.from_job))
    return MODELS.shown(session, [row])[0]


def kept_version(session: Session, caller: Caller, model_id: str, order: KeptModel) -> ModelVersion:
    """What a job left as the next version of a model."""
    row = MODELS.thing_row(session, caller, model_id)
    return ModelVersion.of(keep(session, row, _finished(session, caller, order.from_job)))


def _finished(session: Session, caller: Caller, job_id: str) -> JobRow:
    job = jobs.get_job(session, caller.project_id, job_id)
    if job.kind != JobKind.DISTILLATION or job.status != JobState.SUCCEEDED:
        message = f"job {job_id} is {job.status}: only what a distillation left that succeeded can be kept"
        raise Refused("job_not_finished", message, kind="conflict")
    return job
