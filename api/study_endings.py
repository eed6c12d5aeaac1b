"""The end of an approved plan: what it has come to, and its best student kept where that was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.errors import Refused
from api.kept import keep
from api.study_stages import plan_now, whole_plan
from kdcore.spec.studies.deciding import best_run, outcome
from kdcore.spec.studies.pilots import PilotPlan, WholePlan
from kdcore.spec.studies.pilotspec import KeepAs
from kdcore.spec.studies.results import Row
from store import audit, jobs, pilots, registry, shelves
from store.audit import Actor
from store.errors import Conflict, NotFound
from store.models import Model, Study
from store.settings import Settings

Json = dict[str, Any]


def finish_plan(session: Session, settings: Settings, study: Study, rows: Sequence[Row]) -> None:
    """Notes what the approved plan has come to; a gain keeps the best student. The caller holds the study."""
    pilot, plan = whole_plan(study), plan_now(study)
    assert isinstance(pilot, PilotPlan)
    assert isinstance(plan, WholePlan)
    found = outcome(plan, pilot.threshold, rows)
    before = (pilots.approval_of(study) or {}).get("kept")
    kept, best = before, best_run(plan, rows)
    asked = pilot.keep_as if found["code"] == "gain" else None
    if asked is not None and best is not None and best.job != (before or {}).get("job"):
        try:
            with session.begin_nested():
                kept = _keep(session, settings, study, asked, str(best.job), before)
        except (Refused, Conflict, NotFound) as error:
            found["not_kept"] = error.detail if isinstance(error, Refused) else error.message
    pilots.end(session, study, found, kept)


def _keep(
    session: Session, settings: Settings, study: Study, asked: KeepAs, job_id: str, before: Mapping[str, Any] | None
) -> Json:
    """The student of a job as a version of the model, and the alias pointed at it.

    Args:
        before: what an earlier end of the same plan has kept: a roll-back goes back to before that.
    """
    by = Actor(study.project_id)
    model = _model(session, settings, study, asked.model, by)
    version = keep(session, model, jobs.get_job(session, study.project_id, job_id))
    named = pilots.point_alias(session, model, asked.alias, version.number)
    ours = before is not None and before["model_id"] == model.id and before["version"] == named
    told = {"alias": asked.alias, "version": version.number, "study": study.id}
    audit.note(session, by, "model.alias", model.id, told)
    return {
        "model_id": model.id,
        "version": version.number,
        "alias": asked.alias,
        "before": before["before"] if ours and before is not None else named,
        "job": job_id,
    }


def _model(session: Session, settings: Settings, study: Study, name: str, by: Actor) -> Model:
    """The project's model of this name, made where there is none."""
    mine = Model.project_id == study.project_id, Model.name_key == name.lower()
    found = session.scalars(select(Model).where(*mine)).one_or_none()
    if found is not None:
        return found
    most, told = settings.models_per_project, f"The best student of study {study.id}."
    made = registry.create(session, shelves.MODELS, study.project_id, name, description=told, most=most)
    audit.note(session, by, "model.create", made.id, {"study": study.id})
    return made
