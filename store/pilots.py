"""Pilots: decided, approved, rejected and rolled back.

``Study.pilot`` holds the ``decision``, the ``approval`` while there is one, and the ``history``, the oldest first. What
an approved plan's jobs have come to stays in the table when it is rolled back, so that approving it again begins only
those that had not succeeded.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy.orm import Session

from store import audit, model_registry, registry, studies, studyruns
from store.audit import Actor
from store.database import now
from store.errors import Conflict, NotFound
from store.models import Model, ModelAlias, Study, StudyState
from store.shelves import MODELS
from store.studies import move

Json = dict[str, Any]
APPROVAL = "approval"
"""What a decided pilot waits for."""
ENDING = "its open jobs to end"
HISTORY_MAX = 200


def decision_of(study: Study) -> Json | None:
    """What the pilot has come to."""
    found: Json | None = (study.pilot or {}).get("decision")
    return found


def approval_of(study: Study) -> Json | None:
    """What was approved and not rolled back: ``plan``, ``at``, ``by``, ``result`` and ``kept``."""
    found: Json | None = (study.pilot or {}).get("approval")
    return found


def decide(session: Session, study: Study, decision: Mapping[str, Any]) -> None:
    """The pilot has a decision, and waits for somebody's; the caller holds the study."""
    found = json.loads(json.dumps(decision))  # as the database gives it back
    if study.status != StudyState.WAITING:
        move(session, study, StudyState.WAITING, f"the pilot says {decision['outcome']}")
        study.waits_for = APPROVAL
    elif decision_of(study) == found:
        return
    else:
        study.version += 1
    told = {name: decision[name] for name in ("outcome", "code")}
    _write(session, study, "decided", told, decision=found)


def approve(
    session: Session, study: Study, plan: str, by: Actor, *, arms: Collection[str], despite_no_go: bool = False
) -> None:
    """Has a plan run as the second stage of the study.

    Args:
        arms: of the plan.

    Raises:
        Conflict: the study does not wait for approval, jobs of a plan that was rolled back have not ended, or the
            pilot said no-go and nobody said that it is meant.
    """
    _hold_waiting(session, study)
    if studies.open_jobs(session, study.id):
        message = f"Study {study.id} waits for {ENDING}; approve it in a moment."
        raise Conflict("still_cancelling", message)
    decision = decision_of(study) or {}
    if decision.get("outcome") != "go" and not despite_no_go:
        message = f"The pilot says no-go: {decision.get('reason')}. Reject it, or say despite_no_go to have it so."
        raise Conflict("no_go", message)
    studyruns.mark_again(session, study.id, arms)
    studies.go_again(session, study)
    approval = {"plan": plan, "at": now(session).isoformat(), "by": by.key_name, "result": None, "kept": None}
    _write(session, study, "approved", {"plan": plan, "by": by.key_name}, approval=approval)


def reject(session: Session, study: Study, by: Actor) -> None:
    """Ends a study whose pilot was enough.

    Raises:
        Conflict: the study does not wait for approval.
    """
    _hold_waiting(session, study)
    if studies.open_jobs(session, study.id):
        raise Conflict("still_cancelling", f"Study {study.id} waits for {ENDING}; reject it in a moment.")
    move(session, study, StudyState.CANCELLED, "rejected")
    _write(session, study, "rejected", {"by": by.key_name})


def roll_back(session: Session, study: Study, by: Actor, *, arms: Collection[str]) -> None:
    """Returns to the state before the approval: the study waits, with the pilot's decision as it was.

    An alias that the approved plan moved names again what it did before, unless somebody moved it since. Open jobs of
    the plan are cancelled by whoever leads the study on.

    Args:
        arms: of the plan.

    Raises:
        Conflict: nothing is approved, or the study is being cancelled.
    """
    session.refresh(study, with_for_update={"key_share": True})
    approval = approval_of(study)
    if approval is None:
        message = f"No plan of study {study.id} is approved, so that there is nothing to roll back."
        raise Conflict("nothing_approved", message)
    if study.status == StudyState.CANCELLING:
        raise Conflict("still_cancelling", f"Study {study.id} is being cancelled; roll it back once that is done.")
    alias = _alias_back(session, study, approval.get("kept"), by)
    move(session, study, StudyState.WAITING, f"plan {approval['plan']} was rolled back")
    study.finished_at, study.next_at, study.waits_for = None, now(session), APPROVAL
    study.stopped = {name: one for name, one in study.stopped.items() if name not in arms}
    told = {"plan": approval["plan"], "by": by.key_name, **alias}
    _write(session, study, "rolled_back", told, approval=None)


def end(session: Session, study: Study, result: Mapping[str, Any], kept: Mapping[str, Any] | None) -> None:
    """What the approved plan has come to; the caller holds the study."""
    approval = {**(approval_of(study) or {}), "result": dict(result), "kept": None if kept is None else dict(kept)}
    told = {} if kept is None else {"model": kept["model_id"], "version": kept["version"], "alias": kept["alias"]}
    _write(session, study, "ended", {"plan": approval["plan"], "code": result["code"], **told}, approval=approval)


def again(session: Session, study: Study, jobs: int, by: Actor) -> None:
    """Notes that jobs of a pilot were begun again; before anything is approved it will decide anew."""
    changes: Json = {} if approval_of(study) is not None else {"decision": None}
    _write(session, study, "retried", {"jobs": jobs, "by": by.key_name}, **changes)


def point_alias(session: Session, model: Model, alias: str, number: int) -> int | None:
    """Points an alias at a version; gives what it named before."""
    registry.hold(session, model)
    row = session.get(ModelAlias, (model.id, alias))
    before = None if row is None else row.number
    model_registry.set_alias(session, model, alias, number)
    return before


def _alias_back(session: Session, study: Study, kept: Mapping[str, Any] | None, by: Actor) -> Json:
    """What became of the alias that the plan had moved, for the history."""
    if kept is None:
        return {}
    told = {"model": kept["model_id"], "alias": kept["alias"]}
    try:
        model = registry.get_thing(session, MODELS, study.project_id, kept["model_id"])
    except NotFound:
        return told | {"left": "the model is gone"}
    registry.hold(session, model)
    row = session.get(ModelAlias, (model.id, kept["alias"]))
    if row is None or row.number != kept["version"]:
        return told | {"left": "somebody has moved it since"}
    try:
        if kept["before"] is None:
            model_registry.remove_alias(session, model, kept["alias"])
        else:
            model_registry.set_alias(session, model, kept["alias"], kept["before"])
    except NotFound:
        return told | {"left": f"version {kept['before']} is gone"}
    details = {"alias": kept["alias"], "version": kept["before"], "study": study.id}
    audit.note(session, by, "model.alias", model.id, details)
    return told | {"version": kept["before"]}


def _hold_waiting(session: Session, study: Study) -> None:
    """Holds a study that waits for approval.

    Raises:
        Conflict: it does not.
    """
    session.refresh(study, with_for_update={"key_share": True})
    if study.status != StudyState.WAITING or decision_of(study) is None:
        message = f"Study {study.id} is {study.status}: only a pilot that waits for approval can be decided on."
        raise Conflict("not_waiting", message)


def _write(session: Session, study: Study, did: str, told: Json | None = None, **changes: Any) -> None:
    """Changes the decision or the approval, and adds to the history what was done."""
    before = study.pilot or {"decision": None, "approval": None, "history": []}
    known = {name: one for name, one in (told or {}).items() if one is not None}
    entry = {"did": did, "at": now(session).isoformat(), **known}
    study.pilot = {**before, **changes, "history": [*before["history"], entry][-HISTORY_MAX:]}
    session.flush()
