"""One look at one study: what its plan asks for next is done, each thing in a transaction of its own.

Every transaction begins with the study's row, held under the fence of this look, so that two processes never do the
same thing, and what one left half done the next one finds in the rows and goes on with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

import structlog
from sqlalchemy.orm import Session

from api.errors import Refused
from api.kept import keep
from api.planning import Planned, planned
from api.quotas import check_room
from api.study_endings import finish_plan
from api.study_planning import next_trials
from api.study_stages import arms_of, is_teacher, plan_now, rows_of, teacher_seconds, whole_plan
from kdcore.spec.studies.deciding import decide
from kdcore.spec.studies.pilots import PILOT, PilotPlan
from kdcore.spec.studies.plan import ArmPlan, StudyPlan, job_document
from kdcore.spec.studies.schedule import KEPT, Facts, RunFacts, Stopped, next_steps
from kdcore.spec.studies.teachers import with_model
from store import audit, jobs, pilots, registry, shelves, studies, studyruns
from store.audit import Actor
from store.database import Database
from store.errors import Conflict, NotFound
from store.models import Job, JobState, Study, StudyRun, StudyState
from store.settings import Settings
from store.studies import TEACHER, Held

log = structlog.stdlib.get_logger("api")

NO_ROOM_SECONDS = 5.0
_NAME = 120


class Leader:
    """Leads studies on.

    Args:
        ring: tells the workers of a resource class that there may be work.
    """

    def __init__(self, database: Database, settings: Settings, ring: Callable[[str], None]) -> None:
        self._database, self._settings, self._ring = database, settings, ring

    def lead(self, held: Held) -> None:
        """Do what the study asks for next."""
        with self._database.read() as session:
            study = session.get(Study, held.study_id)
        if study is None or study.fence != held.fence:
            return
        seconds = studies.LOOK_SECONDS
        if study.status == StudyState.CANCELLING:
            self._cancel(held)
        elif study.status == StudyState.RUNNING:
            seconds = self._go_on(held, study)
        elif study.status == StudyState.WAITING:
            self._await(held, study)
        with self._database.write() as session:
            studies.let_go(session, held, seconds)

    def _go_on(self, held: Held, study: Study) -> float:
        plan = plan_now(study)
        runs = self._runs(study)
        for run in runs:
            if is_teacher(run) and run.status == JobState.SUCCEEDED and run.model_id is None:
                self._keep(held, run)
        runs = self._runs(study)
        found = next_steps(plan, _facts(study, plan, runs))
        self._stop(held, found.stop)
        try:
            for name in found.teachers:
                self._train(held, plan, name)
            models = {run.arm: run.model_id for run in runs if run.model_id is not None}
            for arm, seed in found.begin:
                self._begin(held, plan, plan.arm(arm), seed, models)
        except Refused as refused:
            return self._wait(held, refused)
        if found.finished:
            if not study.stopped and not found.stop and self._search_on(held, study, plan, runs):
                return 0.0
            self._finish(held)
        else:
            self._wait_no_more(held)
        return studies.LOOK_SECONDS

    def _runs(self, study: Study) -> list[StudyRun]:
        with self._database.read() as session:
            return studies.runs_of(session, study.id)

    def _search_on(self, held: Held, study: Study, plan: StudyPlan, runs: list[StudyRun]) -> bool:
        """Whether a search has chosen its next trials, after all those before have ended."""
        found = next_trials(self._database, study, plan, runs)
        if found is None:
            return False
        with self._database.write() as session:
            going = self._going(session, held)
            if going is not None:
                going.plan, going.version = found.document(), going.version + 1
        return True

    def _stop(self, held: Held, stopped: Mapping[str, Stopped]) -> None:
        if not stopped:
            return
        with self._database.write() as session:
            study = studies.hold(session, held)
            if study is not None:
                study.stopped = study.stopped | {name: asdict(one) for name, one in stopped.items()}
                study.version += 1

    def _train(self, held: Held, plan: StudyPlan, name: str) -> None:
        spec = next(one.spec for one in plan.teachers if one.name == name)
        self._create(held, TEACHER + name, int((spec.get("training") or {}).get("seed", 0)), dict(spec))

    def _begin(self, held: Held, plan: StudyPlan, arm: ArmPlan, seed: int, models: Mapping[str, str]) -> None:
        spec = arm.spec
        if arm.teacher is not None:
            spec = with_model(spec, models[TEACHER + arm.teacher], 1)
        name = f"{plan.name}: {arm.name}, seed {seed}"[:_NAME]
        training = {**(spec.get("training") or {}), "seed": seed}
        self._create(held, arm.name, seed, job_document(spec, name=name, training=training))

    def _create(self, held: Held, arm: str, seed: int, spec: dict[str, Any]) -> None:
        """The job of one place, unless it has one.

        Raises:
            Refused: the project has no room for it now.
        """
        with self._database.read() as session:
            study = session.get_one(Study, held.study_id)
            if studies.has_run(session, study.id, arm, seed):
                return
            again = session.get(StudyRun, (study.id, arm, seed)) is not None
        if again and self._repeated(held, arm, seed):
            return
        try:
            found = planned(self._database, study.project_id, spec)
        except Refused as refused:
            self._cannot(held, arm, seed, refused)
            return
        rings = self._created(held, arm, seed, spec, found)
        if rings is not None:
            self._ring(rings)

    def _repeated(self, held: Held, arm: str, seed: int) -> bool:
        """Whether the job that had the place before goes on, from its last checkpoint; else the place is free now.

        Raises:
            Refused: the project has no room for it now.
        """
        with self._database.write() as session:
            study = self._going(session, held)
            run = None if study is None else session.get(StudyRun, (study.id, arm, seed))
            if study is None or run is None or not studyruns.waits_again(run):
                return study is None or run is not None
            try:
                with session.begin_nested():
                    job = jobs.retry_job(session, jobs.get_job(session, study.project_id, str(run.job_id)))
            except (Conflict, NotFound):  # it, or what it started from, is gone
                session.delete(run)
                return False
            check_room(session, self._settings, study.project_id)
            rings = job.resource_class
        self._ring(rings)
        return True

    def _created(self, held: Held, arm: str, seed: int, spec: dict[str, Any], found: Planned) -> str | None:
        with self._database.write() as session:
            study = self._going(session, held)
            if study is None or studies.has_run(session, study.id, arm, seed):
                return None
            job = jobs.create_job(
                session,
                project_id=study.project_id,
                spec=spec,
                plan=found.document,
                files=found.files(session, study.project_id),
                attempts_max=self._settings.max_attempts,
            )
            studies.add_run(session, study, arm, seed, job)
            check_room(session, self._settings, study.project_id)
            return job.resource_class

    def _cannot(self, held: Held, arm: str, seed: int, refused: Refused) -> None:
        """A job that could be planned when the study was submitted, and cannot any more: its place says why."""
        with self._database.write() as session:
            study = self._going(session, held)
            if study is not None and not studies.has_run(session, study.id, arm, seed):
                studies.add_failure(session, study, arm, seed, {"code": refused.code, "message": refused.detail})

    def _going(self, session: Session, held: Held) -> Study | None:
        """The study, if it is ours and nobody has cancelled it."""
        study = studies.hold(session, held)
        return study if study is not None and study.status == StudyState.RUNNING else None

    def _keep(self, held: Held, run: StudyRun) -> None:
        """The model of a shared teacher whose job has succeeded."""
        with self._database.write() as session:
            study = self._going(session, held)
            if study is None:
                return
            row = session.get_one(StudyRun, (run.study_id, run.arm, run.seed))
            job = jobs.get_job(session, study.project_id, str(row.job_id))
            try:
                with session.begin_nested():
                    row.model_id = self._kept(session, study, job)
            except (Refused, Conflict) as error:
                told = error.detail if isinstance(error, Refused) else error.message
                row.status, row.error = JobState.FAILED, {"code": error.code, "message": told}

    def _kept(self, session: Session, study: Study, job: Job) -> str:
        name = f"{job.name} ({study.id[-8:]})"
        most = self._settings.models_per_project
        told = f"Trained once for all arms of study {study.id}."
        model = registry.create(session, shelves.MODELS, study.project_id, name, description=told, most=most)
        keep(session, model, job)
        audit.note(session, Actor(study.project_id), "model.create", model.id, {"study": study.id})
        return model.id

    def _wait(self, held: Held, refused: Refused) -> float:
        """Without room for further jobs the study waits, and says what for."""
        with self._database.write() as session:
            study = self._going(session, held)
            if study is not None:
                study.waits_for = refused.detail[:400]
        return NO_ROOM_SECONDS

    def _wait_no_more(self, held: Held) -> None:
        with self._database.write() as session:
            study = self._going(session, held)
            if study is not None and study.waits_for is not None:
                study.waits_for = None

    def _cancel(self, held: Held) -> None:
        with self._database.read() as session:
            waiting = studies.open_jobs(session, held.study_id)
        self._cancel_jobs(waiting)
        with self._database.write() as session:
            study = studies.hold(session, held)
            if study is not None and not studies.open_jobs(session, study.id):
                studies.move(session, study, StudyState.CANCELLED, "cancelled")

    def _cancel_jobs(self, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            try:
                with self._database.write() as session:
                    jobs.cancel_job(session, session.get_one(Job, job_id))
            except Conflict:  # it ended meanwhile
                log.info("job of a study that ends had ended", job_id=job_id)

    def _await(self, held: Held, study: Study) -> None:
        """While a pilot waits for approval its decision follows its table, and jobs of a plan that was rolled back are
        cancelled."""
        plan = whole_plan(study)
        mine = {*arms_of(plan), *(TEACHER + one.name for one in plan.teachers)}
        left = [run for run in self._runs(study) if run.ended_at is None and run.arm not in mine]
        self._cancel_jobs(run.job_id for run in left if run.job_id is not None)
        with self._database.write() as session:
            found = studies.hold(session, held)
            if found is not None and found.status == StudyState.WAITING:
                self._decide(session, found)

    def _finish(self, held: Held) -> None:
        with self._database.write() as session:
            study = self._going(session, held)
            if study is None or studies.open_jobs(session, study.id):
                return
            if study.kind == PILOT and pilots.approval_of(study) is None:
                self._decide(session, study)
                return
            rows = rows_of(plan_now(study), studies.runs_of(session, study.id))
            won = any(row.status == JobState.SUCCEEDED for row in rows)
            reason = "completed" if won else "no job of it has succeeded"
            studies.move(session, study, StudyState.SUCCEEDED if won else StudyState.FAILED, reason)
            if study.kind == PILOT:
                finish_plan(session, self._settings, study, rows)

    def _decide(self, session: Session, study: Study) -> None:
        plan, runs = whole_plan(study), studies.runs_of(session, study.id)
        assert isinstance(plan, PilotPlan)
        if not any(run.ended_at is None for run in runs if run.arm in arms_of(plan)):
            pilots.decide(session, study, decide(plan, rows_of(plan, runs), teacher_seconds(runs)))


def _facts(study: Study, plan: StudyPlan, runs: list[StudyRun]) -> Facts:
    """The stage that the plan is of; places that are to be begun again are as if they had had no job."""
    begun, names = [run for run in runs if not studyruns.waits_again(run)], arms_of(plan)
    return Facts(
        runs={(run.arm, run.seed): _told(run) for run in begun if run.arm in names},
        teachers={run.arm.removeprefix(TEACHER): _told(run) for run in begun if is_teacher(run)},
        stopped={name: Stopped(**one) for name, one in study.stopped.items()},
        spent=sum(run.seconds or 0.0 for run in runs if run.arm not in names and not is_teacher(run)),
    )


def _told(run: StudyRun) -> RunFacts:
    status = KEPT if run.model_id is not None else str(run.status)
    return RunFacts(status, run.validation, run.seconds)
