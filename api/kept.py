"""The student of a job as a version of a model, whoever asks for it."""

from __future__ import annotations

from pydantic import ValidationError
from sqlalchemy.orm import Session

from api.errors import Refused
from kdcore.spec import Plan
from kdcore.spec.cards import FileCard
from kdcore.spec.kept import NothingToKeep, kept_card, kept_files, parents_of
from store import jobs, model_registry
from store.models import Job, Model, ModelVersion


def keep(session: Session, row: Model, job: Job) -> ModelVersion:
    """The student of a job that succeeded as the next version of a model.

    Raises:
        Refused: it left no such file.
    """
    documents, left = jobs.documents(session, job), model_registry.artifacts(session, job)
    try:
        plan = Plan.model_validate(documents.plan)
        chosen = {path: left[name] for path, name in kept_files(plan, left).items()}
        cards = tuple(FileCard(path=path, sha256=one.sha256, bytes=one.bytes) for path, one in chosen.items())
        card = kept_card(row.name, plan, documents.result or {}, cards, job.id, row.licence)
    except NothingToKeep as error:
        raise Refused("nothing_to_keep", str(error), kind="conflict") from None
    except (ValidationError, KeyError):
        message = f"job {job.id} was run by an earlier version of the service: clone it, and keep that one's student"
        raise Refused("job_too_old", message, kind="conflict") from None
    return model_registry.keep(session, row, job, card.model_dump(mode="json"), chosen, list(parents_of(plan)))
