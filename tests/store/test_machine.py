"""Whatever users, workers, sweeps and crashes do in whatever order: the promises about jobs and leases hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, func, select, update
from storing import RESULT, artifact, expire, make_job, metric, stored, take, wait_no_more

from store import records
from store.database import Database
from store.errors import Conflict, LeaseLost
from store.jobs import cancel_job, pause_job, resume_job, retry_job
from store.leases import Lease, flags, renew
from store.models import Artifact, Base, Event, Job, JobState, Project
from store.projects import ensure_project
from store.settings import Backoff, Settings
from store.states import ACTIVE, FINAL, TRANSITIONS, counts
from store.sweep import sweep

WHICH = st.integers(0, 99)  # which job or lease, counted around: how many there are may depend on who won a race
NEVER = Backoff(1e6, 1e6)  # a wait that only the rule below ends
WORKERS = st.sampled_from(["worker-1", "worker-2", "worker-3"])
ACTIONS = {"cancel": cancel_job, "pause": pause_job, "resume": resume_job, "retry": retry_job}
QUOTAS = {"narrow": 2, "wide": None}


class Service(RuleBasedStateMachine):
    """Users, workers and a sweep on one database, and what is known of every job from outside."""

    def __init__(self, db: Database) -> None:
        super().__init__()
        self.db = db
        self.settings = Settings(backoff_seconds=NEVER.first, backoff_cap_seconds=NEVER.cap)
        self.jobs: list[str] = []
        self.leases: list[Lease] = []
        self.fences: dict[str, int] = {}
        self.ended: dict[str, tuple[JobState, int]] = {}
        with db.write() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(delete(table))
            for name, quota in QUOTAS.items():
                project = ensure_project(session, name)
                session.execute(update(Project).where(Project.id == project.id).values(quota=quota))

    def teardown(self) -> None:
        self.db.close()

    # What users do.

    @precondition(lambda self: len(self.jobs) < 7)
    @rule(project=st.sampled_from(sorted(QUOTAS)), priority=st.integers(-1, 1), attempts=st.integers(1, 3))
    def submit(self, project: str, priority: int, attempts: int) -> None:
        self.jobs.append(make_job(self.db, project, attempts, priority=priority))

    @precondition(lambda self: self.jobs)
    @rule(which=WHICH, action=st.sampled_from(sorted(ACTIONS)))
    def ask(self, which: int, action: str) -> None:
        job_id = self.jobs[which % len(self.jobs)]
        try:
            with self.db.write() as session:
                made = ACTIONS[action](session, session.get_one(Job, job_id))
        except Conflict:
            return
        if action == "retry":
            self.jobs.append(made.id)

    # What workers do.

    @rule(owner=WORKERS)
    def claim(self, owner: str) -> None:
        self._got([take(self.db, owner)])

    @rule(owners=st.tuples(WORKERS, WORKERS, WORKERS))
    def race(self, owners: tuple[str, ...]) -> None:
        with ThreadPoolExecutor(len(owners)) as pool:
            self._got(list(pool.map(lambda owner: take(self.db, owner), owners)))

    def _got(self, claims: list[Any]) -> None:
        leases = [claim.lease for claim in claims if claim is not None]
        assert len({lease.job_id for lease in leases}) == len(leases), "two claimers hold one job"
        for lease in leases:
            assert lease.fence == self.fences.get(lease.job_id, 0) + 1, "a fence was skipped or used twice"
            self.fences[lease.job_id] = lease.fence
        self.leases += leases

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, step=st.integers(0, 50))
    def report(self, which: int, step: int) -> None:
        lines = [{"type": "phase", "phase": "train", "run": "distil"}, metric(step), {"type": "log", "message": "hi"}]
        self._write(which, lambda session, lease: records.relay(session, lease, lines))

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, step=st.integers(0, 50))
    def save(self, which: int, step: int) -> None:
        record = {"step": step, "run": "distil"}
        self._write(which, lambda session, lease: records.add_checkpoint(session, lease, record, [stored(f"{step}")]))

    @precondition(lambda self: self.leases)
    @rule(which=WHICH)
    def publish(self, which: int) -> None:
        self._write(which, lambda session, lease: records.publish(session, lease, RESULT, [artifact()]))

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, code=st.sampled_from(["internal", "checkpoint_damaged", "out_of_memory"]), retry=st.booleans())
    def fail(self, which: int, code: str, retry: bool) -> None:
        error = {"code": code, "message": "!"}
        self._write(which, lambda session, lease: records.fail(session, lease, error, retry=retry, backoff=NEVER))

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, reason=st.sampled_from(["cancel", "pause", "drain"]))
    def stop(self, which: int, reason: str) -> None:
        self._write(which, lambda session, lease: records.stopped(session, lease, reason))

    @precondition(lambda self: self.leases)
    @rule(which=WHICH)
    def renew(self, which: int) -> None:
        lease = self.leases[which % len(self.leases)]
        with self.db.write() as session:
            assert renew(session, lease, 60) == self._holds(session, lease)

    def _write(self, which: int, write: Callable[[Any, Lease], Any]) -> None:
        lease = self.leases[which % len(self.leases)]
        with self.db.read() as session:
            holds, before = self._holds(session, lease), self._size(session)
        if holds:
            with self.db.write() as session:
                write(session, lease)
            return
        with pytest.raises(LeaseLost), self.db.write() as session:
            write(session, lease)
        with self.db.read() as session:
            assert self._size(session) == before, "a stale lease wrote something"

    def _holds(self, session: Any, lease: Lease) -> bool:
        job = session.get_one(Job, lease.job_id)
        mine = job.lease_owner == lease.owner and job.fence == lease.fence
        assert mine == (lease.job_id in flags(session, lease.owner) and self.fences[lease.job_id] == lease.fence)
        return bool(mine)

    def _size(self, session: Any) -> list[Any]:
        rows = [session.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables]
        return [rows, session.scalar(select(func.sum(Job.event_seq))), session.scalar(select(func.sum(Job.version)))]

    # What happens to them.

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, twice=st.booleans())
    def fall_silent(self, which: int, twice: bool) -> None:
        lease = self.leases[which % len(self.leases)]
        with self.db.read() as session:
            if not self._holds(session, lease):
                return
        expire(self.db, lease.job_id)
        assert set(sweep(self.db, self.settings).recovered) == {lease.job_id}
        if twice:
            assert sweep(self.db, self.settings).recovered == {}

    @precondition(lambda self: self.jobs)
    @rule(which=WHICH)
    def time_passes(self, which: int) -> None:
        wait_no_more(self.db, self.jobs[which % len(self.jobs)])

    # What always holds.

    @invariant()
    def promises_hold(self) -> None:
        with self.db.read() as session:
            jobs = list(session.scalars(select(Job)))
            events = list(session.scalars(select(Event).order_by(Event.job_id, Event.seq)))
            results = Counter(session.scalars(select(Artifact.job_id)))
            self._counters_equal_counts(session, jobs)
        for job in jobs:
            story = [event for event in events if event.job_id == job.id]
            self._story_is_whole(job, story)
            assert results[job.id] == (job.status is JobState.SUCCEEDED), "a result is published once, with success"
            assert (job.lease_owner is not None) == (job.status in ACTIVE), "a lease without work, or work without"
            assert job.attempt <= job.attempts_max
            self._final_is_final(job)

    def _counters_equal_counts(self, session: Any, jobs: list[Job]) -> None:
        found = Counter(job.status for job in jobs)
        assert {state: number for state, number in counts(session).items() if number} == dict(found)
        for project in session.scalars(select(Project)):
            assert project.active == sum(1 for job in jobs if job.project_id == project.id and job.status in ACTIVE)
            assert project.quota is None or project.active <= project.quota

    def _story_is_whole(self, job: Job, story: list[Event]) -> None:
        assert [event.seq for event in story] == list(range(1, job.event_seq + 1)), "a gap in the events"
        states = [JobState(event.data["status"]) for event in story if event.type == "status"]
        assert states[-1] is job.status
        assert all(after in TRANSITIONS[before] for before, after in pairwise(states))
        ends = [event.seq for event in story if event.type == "end"]
        assert ends == ([job.event_seq] if job.status in FINAL else [])

    def _final_is_final(self, job: Job) -> None:
        if job.status in FINAL:
            now = (job.status, job.event_seq)
            assert self.ended.setdefault(job.id, now) == now, "a final state was left"
        else:
            assert job.id not in self.ended


def run(url: str, examples: int) -> None:
    """Tries so many stories on the database."""
    bounded = settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Service(Database(url)), settings=bounded)  # type: ignore[no-untyped-call]


def test_no_story_breaks_a_promise_on_sqlite(sqlite_url: str) -> None:
    run(sqlite_url, 25)


@pytest.mark.servers
def test_no_story_breaks_a_promise_on_postgres(postgres_url: str) -> None:
    run(postgres_url, 8)
