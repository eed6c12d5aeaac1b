"""The best job first: priority, then the project with the least, then age; and never one job twice."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from processes import run_together
from sqlalchemy import update
from sqlalchemy.dialects import postgresql
from storing import PLAN, job, make_job, must_take, story, take, wait_no_more

from store import queue, webhooks
from store.database import Database, now
from store.models import Attempt, Job, Project, table_of
from store.projects import ensure_project


def take_all(db: Database, owner: str = "worker-1") -> list[str]:
    """Claims until nothing is left; the jobs in the order in which they were given."""
    taken = []
    while (got := take(db, owner)) is not None:
        taken.append(got.lease.job_id)
    return taken


def quota(db: Database, project: str, most: int | None) -> str:
    """Lets the project have so many active jobs."""
    with db.write() as session:
        found = ensure_project(session, project)
        session.execute(update(Project).where(Project.id == found.id).values(quota=most))
        return found.id


def test_an_empty_queue_gives_nothing(db: Database) -> None:
    assert take(db) is None


def test_a_claim_tells_what_to_run_and_opens_the_attempt(db: Database) -> None:
    job_id = make_job(db)
    got = must_take(db, "worker-7")
    assert (got.lease.job_id, got.lease.fence, got.lease.attempt, got.lease.owner) == (job_id, 1, 1, "worker-7")
    assert (got.plan, got.checkpoint) == (PLAN, None)
    found = job(db, job_id)
    assert (found.status, found.lease_owner, found.project_id) == ("starting", "worker-7", got.project_id)
    with db.read() as session:
        attempt = session.get_one(Attempt, (job_id, 1))
    assert (attempt.fence, attempt.worker_id, attempt.ended_at) == (1, "worker-7", None)
    assert story(db, job_id)[1].data["worker"] == "worker-7"


def test_higher_priority_goes_first_even_across_projects(db: Database) -> None:
    low, high, middle = make_job(db, "a", priority=-5), make_job(db, "b", priority=9), make_job(db, "a", priority=1)
    assert take_all(db) == [high, middle, low]


def test_among_equals_the_oldest_goes_first(db: Database) -> None:
    made = [make_job(db) for _ in range(5)]
    assert take_all(db) == made


def test_projects_take_turns_however_many_jobs_one_of_them_has(db: Database) -> None:
    many = [make_job(db, "many") for _ in range(6)]
    few = [make_job(db, "few") for _ in range(2)]
    assert take_all(db) == [many[0], few[0], many[1], few[1], *many[2:]]


def test_a_project_never_exceeds_its_quota_and_others_go_on(db: Database) -> None:
    project_id = quota(db, "small", 2)
    small, large = [make_job(db, "small") for _ in range(4)], [make_job(db, "large") for _ in range(4)]
    assert set(take_all(db)) == {*small[:2], *large}
    with db.read() as session:
        assert session.get_one(Project, project_id).active == 2
    quota(db, "small", None)
    assert take_all(db) == small[2:]


def test_a_worker_gets_only_what_it_can_serve(db: Database) -> None:
    on_gpu, on_cpu = make_job(db, resource_class="gpu"), make_job(db)
    assert must_take(db).lease.job_id == on_cpu
    assert take(db) is None
    got = take(db, classes=("cpu", "gpu"))
    assert got is not None
    assert got.lease.job_id == on_gpu


def test_a_job_that_waits_for_its_next_attempt_is_passed_over(db: Database) -> None:
    waiting, ready = make_job(db, priority=5), make_job(db)
    with db.write() as session:
        later = now(session) + timedelta(minutes=1)
        session.execute(update(Job).where(Job.id == waiting).values(not_before=later))
    assert take_all(db) == [ready]
    wait_no_more(db, waiting)
    assert take_all(db) == [waiting]


@pytest.mark.parametrize("claimers", [8])
def test_threads_that_race_never_get_the_same_job(db: Database, claimers: int) -> None:
    made = [make_job(db, f"project-{number % 3}") for number in range(40)]
    with ThreadPoolExecutor(claimers) as pool:
        taken = list(pool.map(lambda n: take_all(db, f"worker-{n}"), range(claimers)))
    found = Counter(job_id for jobs in taken for job_id in jobs)
    assert found == Counter(made)


_CLAIMER = """
import sys
from store.database import Database
from store.leases import claim
db = Database(sys.argv[1])
while True:
    with db.write() as session:
        got = claim(session, owner=sys.argv[2], resource_classes=["cpu"], lease_seconds=60)
    if got is None:
        break
    print(got.lease.job_id, got.lease.fence)
"""


def test_processes_that_race_get_each_job_once_and_leave_none(db: Database, database_url: str) -> None:
    quota(db, "project-0", 5)
    made = [make_job(db, f"project-{number % 3}") for number in range(45)]
    outputs = run_together(_CLAIMER, [[database_url, f"worker-{number}"] for number in range(4)])
    taken = [line.split() for output in outputs for line in output.splitlines()]
    assert Counter(fence for _, fence in taken) == {"1": 35}
    of_small, others = set(made[0::3]), set(made[1::3]) | set(made[2::3])
    found = Counter(job_id for job_id, _ in taken)
    assert set(found.values()) == {1}
    assert others <= set(found)
    assert len(of_small & set(found)) == 5


def test_a_quota_holds_when_threads_race_for_its_last_place(db: Database) -> None:
    project_id = quota(db, "small", 3)
    for _ in range(12):
        make_job(db, "small")
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: take_all(db, f"worker-{n}"), range(8)))
    assert sum(len(jobs) for jobs in taken) == 3
    with db.read() as session:
        assert session.get_one(Project, project_id).active == 3


def test_statements_that_read_a_partial_index_write_its_condition_out() -> None:
    """A prepared statement with ``status = $1`` proves nothing about an index for ``status = 'queued'``."""
    dialect = postgresql.dialect()
    statements = [queue._heads(("cpu",), True), queue._HEAD, queue._wanted(("cpu", "gpu"))]
    told = [str(statement.compile(dialect=dialect)) for statement in statements]
    told.append(str(webhooks._due(None, 1, datetime.now(UTC)).compile(dialect=dialect)))
    assert ["= 'queued'" in text for text in told[:3]] == [True] * 3
    assert "= 'pending'" in told[3]
    assert not [text for text in told if "status = %" in text]


@pytest.mark.servers
def test_the_queue_is_read_by_its_index_though_postgres_knows_nothing_of_the_table(postgres_url: str) -> None:
    db = Database(postgres_url)
    for number in range(20):
        make_job(db, project=f"p{number}")
    names = ", ".join(f'"{column.name}"' for column in table_of(Job).columns if column.name != "id")
    statement = str(queue._heads(("cpu",), True).compile(db.engine, compile_kwargs={"literal_binds": False}))
    statement = re.sub(r"%\(at\w*\)s(::[\w ]+)?", "now()", statement)
    statement = re.sub(r"%\(resource_class\w*\)s", "'cpu'", statement)
    statement = re.sub(r"%\(param\w*\)s", "1", statement)
    with db.engine.connect() as connection:
        # What other tests deleted lies in the indexes still, and a planner counts their pages.
        connection.exec_driver_sql("REINDEX TABLE jobs")
        copies = f"SELECT id || '_' || n, {names} FROM jobs, generate_series(1, 1000) AS n"
        connection.exec_driver_sql(f"INSERT INTO jobs (id, {names}) {copies}")
        connection.exec_driver_sql("DELETE FROM pg_statistic WHERE starelid = 'jobs'::regclass")
        plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}"))
        connection.rollback()
    db.close()
    assert "ix_jobs_queue" in plan, plan
    assert "Seq Scan on jobs" not in plan, plan
