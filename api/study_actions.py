"""What is done with a study that is there: cancelled, begun again, approved, rejected, rolled back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from api import resources
from api.auth import Caller, Writer
from api.bodies import StudyApproval
from api.docs import STUDY_APPROVAL_BODY, problems
from api.jsonbody import SmallJsonObject
from api.resources import Study
from api.services import AppServices, Services
from api.study_stages import arms_of, plan_now, whole_plan
from api.versions import IfMatch, check_version
from kdcore.spec.studies.pilots import PILOT, PilotPlan
from store import audit, pilots, studies
from store.errors import Conflict
from store.models import Study as StudyRow
from store.models import StudyState
from store.studies import TEACHER

router = APIRouter(prefix="/v1/studies/{study_id}", tags=["studies"])

Details = Mapping[str, Any] | None


@router.post(
    "/cancel",
    operation_id="cancelStudy",
    responses=problems(404, 409, 412) | {202: {"model": Study, "description": "its jobs are being cancelled"}},
)
def cancel_study(
    caller: Writer, services: AppServices, study_id: str, response: Response, version: IfMatch = None
) -> Study:
    """Cancel: no further job is begun, and those that have not ended are cancelled."""

    def cancel(session: Session, row: StudyRow) -> Details:
        studies.cancel_study(session, row)
        return None

    shown = _act(services, caller, study_id, version, response, "study.cancel", cancel)
    response.status_code = 202 if shown.status == StudyState.CANCELLING else 200
    return shown


@router.post("/retry", operation_id="retryStudy", responses=problems(404, 409, 412))
def retry_study(
    caller: Writer, services: AppServices, study_id: str, response: Response, version: IfMatch = None
) -> Study:
    """Retry: failed and cancelled jobs of its table are begun again, a shared teacher's too; a study that has ended
    runs again. Nothing else is touched."""

    def retry(session: Session, row: StudyRow) -> Details:
        plan = plan_now(row)
        count = studies.retry_study(session, row, {*arms_of(plan), *(TEACHER + one.name for one in plan.teachers)})
        if row.kind == PILOT:
            pilots.again(session, row, count, caller.actor)
        return {"jobs": count}

    return _act(services, caller, study_id, version, response, "study.retry", retry)


@router.post(
    "/approve",
    operation_id="approveStudy",
    responses=problems(404, 409, 412, 413, 415, 422),
    openapi_extra=STUDY_APPROVAL_BODY,
)
def approve_study(
    caller: Writer,
    services: AppServices,
    study_id: str,
    response: Response,
    body: SmallJsonObject,
    version: IfMatch = None,
) -> Study:
    """Approve one of a pilot's plans: its jobs run as the second stage of the study. Of two at once one wins."""

    def approve(session: Session, row: StudyRow) -> Details:
        order = StudyApproval.model_validate(StudyApproval.of(body))
        arms = arms_of(_pilot(row).plans[order.plan])
        _check_budget(row, order.plan)
        pilots.approve(session, row, order.plan, caller.actor, arms=arms, despite_no_go=order.despite_no_go)
        return order.model_dump()

    return _act(services, caller, study_id, version, response, "study.approve", approve)


@router.post("/reject", operation_id="rejectStudy", responses=problems(404, 409, 412))
def reject_study(
    caller: Writer, services: AppServices, study_id: str, response: Response, version: IfMatch = None
) -> Study:
    """Reject: the pilot was enough, and the study ends as cancelled. What it measured stays."""

    def reject(session: Session, row: StudyRow) -> Details:
        _pilot(row)
        pilots.reject(session, row, caller.actor)
        return None

    return _act(services, caller, study_id, version, response, "study.reject", reject)


@router.post("/rollback", operation_id="rollBackStudy", responses=problems(404, 409, 412))
def roll_back_study(
    caller: Writer, services: AppServices, study_id: str, response: Response, version: IfMatch = None
) -> Study:
    """Roll back: to the state before the approval. Open jobs of the plan are cancelled, an alias that it moved names
    again what it did before, and the study waits with the pilot's decision as it was."""

    def roll_back(session: Session, row: StudyRow) -> Details:
        _pilot(row)
        approval = pilots.approval_of(row)
        pilots.roll_back(session, row, caller.actor, arms=arms_of(plan_now(row)))
        return {"plan": None if approval is None else approval["plan"]}

    return _act(services, caller, study_id, version, response, "study.rollback", roll_back)


def shown_study(session: Session, row: StudyRow) -> Study:
    """A study as lists show it."""
    return resources.study(row, studies.counts_of(session, [row.id])[row.id])


def _act(
    services: Services,
    caller: Caller,
    study_id: str,
    version: str | None,
    response: Response,
    action: str,
    act: Callable[[Session, StudyRow], Details],
) -> Study:
    """Do it to the study, which nobody else changes meanwhile; what is so already is nobody's deed."""
    with services.database.write() as session:
        row = studies.get_study(session, caller.project_id, study_id)
        check_version(session, row, version)
        session.refresh(row, with_for_update={"key_share": True})
        before = row.version
        details = act(session, row)
        shown = shown_study(session, row)
        if shown.version != before:
            audit.note(session, caller.actor, action, study_id, details)
    response.headers["ETag"] = shown.etag
    return shown


def _pilot(row: StudyRow) -> PilotPlan:
    """The plan of a pilot.

    Raises:
        Conflict: the study is none.
    """
    plan = whole_plan(row)
    if not isinstance(plan, PilotPlan):
        message = f"Study {row.id} is a {row.kind}: only a pilot is approved, rejected or rolled back."
        raise Conflict("not_a_pilot", message)
    return plan


def _check_budget(row: StudyRow, name: str) -> None:
    """Refuse a plan that the study's own budget has no room for.

    Raises:
        Conflict: it has none.
    """
    problem = ((pilots.decision_of(row) or {}).get("plans") or {}).get(name, {}).get("problem")
    if row.status == StudyState.WAITING and problem is not None:
        message = f"Plan {name} goes beyond the budget of study {row.id}: {problem}. Approve a smaller one."
        raise Conflict("over_budget", message)
