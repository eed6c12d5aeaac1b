"""A request that is sent twice is done once, and answered twice the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from servers import wait_until
from sqlalchemy import func, select
from storing import PLAN

from store.database import Database
from store.errors import Conflict, Invalid
from store.idempotency import Answer, fingerprint, forget, remember, replay
from store.jobs import create_job
from store.models import IdempotencyRecord, Job
from store.projects import ensure_project

PRINT = fingerprint("POST", "/v1/jobs", {"name": "x"})


def project(db: Database, name: str = "default") -> str:
    """A project's id."""
    with db.write() as session:
        return ensure_project(session, name).id


def submit(db: Database, project_id: str, key: str, print_: str = PRINT) -> Answer:
    """What the API does with a POST that has a key."""
    with db.write() as session:
        first = replay(session, project_id, key, print_)
        if first is not None:
            return first
        job = create_job(session, project_id=project_id, spec={}, plan=PLAN)
        remember(session, project_id, key, print_, 201, {"z": job.id, "a": 1}, f"/v1/jobs/{job.id}")
        return Answer(201, {"z": job.id, "a": 1}, f"/v1/jobs/{job.id}")


def jobs(db: Database) -> int:
    """How many jobs there are."""
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(Job)) or 0


def test_a_repeated_request_gets_the_first_answer_and_makes_nothing(db: Database) -> None:
    project_id = project(db)
    first = submit(db, project_id, "key-1")
    again = submit(db, project_id, "key-1")
    assert again == first
    assert list(again.body) == ["z", "a"]
    assert jobs(db) == 1


def test_another_request_under_the_same_key_is_refused(db: Database) -> None:
    project_id = project(db)
    submit(db, project_id, "key-1")
    with pytest.raises(Invalid) as refusal:
        submit(db, project_id, "key-1", fingerprint("POST", "/v1/jobs", {"name": "y"}))
    assert refusal.value.code == "idempotency_key_reused"
    assert jobs(db) == 1


def test_projects_do_not_share_keys(db: Database) -> None:
    submit(db, project(db, "a"), "key-1")
    submit(db, project(db, "b"), "key-1")
    assert jobs(db) == 2


def test_what_failed_is_not_remembered(db: Database) -> None:
    project_id = project(db)
    with pytest.raises(Exception, match="not JSON serializable"), db.write() as session:
        remember(session, project_id, "key-1", PRINT, 201, {"job": object()}, None)
    submit(db, project_id, "key-1")
    assert jobs(db) == 1


def test_many_that_send_the_same_at_once_make_one_job(db: Database) -> None:
    project_id = project(db)

    def send(_: int) -> object:
        try:
            return submit(db, project_id, "key-1")
        except Conflict as conflict:
            return conflict.code

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(send, range(16)))
    assert jobs(db) == 1
    answers = {answer.location for answer in found if isinstance(answer, Answer)}
    assert len(answers) == 1
    assert {code for code in found if isinstance(code, str)} <= {"idempotency_key_in_use"}


@pytest.mark.servers
def test_on_postgres_a_request_in_flight_is_told_at_once_and_a_finished_one_never(postgres_url: str) -> None:
    db = Database(postgres_url)
    project_id = project(db)
    with db.write() as first:
        assert replay(first, project_id, "key-1", PRINT) is None
        with pytest.raises(Conflict) as refusal:
            submit(db, project_id, "key-1")
        assert refusal.value.code == "idempotency_key_in_use"
        remember(first, project_id, "key-1", PRINT, 201, {}, None)
    with db.read() as one, db.read() as other:
        assert (
            replay(one, project_id, "key-1", PRINT)
            == replay(other, project_id, "key-1", PRINT)
            == Answer(201, {}, None)
        )
    db.close()


def test_requests_are_the_same_by_their_values_not_by_their_spelling() -> None:
    one = fingerprint("post", "/v1/jobs", {"a": 1, "b": [1.5, "é"]})
    assert one == fingerprint("POST", "/v1/jobs", {"b": [1.5, "é"], "a": 1})
    for other in (("PUT", "/v1/jobs", {"a": 1}), ("POST", "/v1/x", {"a": 1}), ("POST", "/v1/jobs", {"a": 2})):
        assert fingerprint(*other) != fingerprint("POST", "/v1/jobs", {"a": 1})


@pytest.mark.parametrize("key", ["", "k" * 256, "line\nbreak", "nul\x00"])
def test_a_key_that_cannot_be_kept_is_refused(db: Database, key: str) -> None:
    with pytest.raises(Invalid, match="Idempotency-Key"):
        submit(db, project(db), key)


def test_answers_are_forgotten_in_time(db: Database) -> None:
    project_id = project(db)
    submit(db, project_id, "key-1")
    with db.write() as session:
        assert forget(session, 1) == 0

    def forgotten() -> bool:
        with db.write() as session:
            return forget(session, 1e-7) == 1

    wait_until(forgotten, "the end of the answer's time", 5)
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(IdempotencyRecord)) == 0
