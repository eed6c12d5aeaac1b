"""Files that jobs start from: given with the job, told with the claim, kept as long as somebody needs them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from sqlalchemy import select
from storing import PLAN, break_down, job, make_job, must_take

from store import inputs
from store.changes import delete_job
from store.database import Database
from store.errors import Conflict
from store.files import key_of
from store.inputs import Input
from store.jobs import create_job, list_jobs, retry_job
from store.models import DeadFile, Job, JobKind
from store.projects import ensure_project

ORIGIN = "ds_01k8t2v4x6a8c0e2g4h6j8k0m2/3"


def a_file(path: str, number: int = 1, text: str = "bytes") -> Input:
    """A part of a file, as if it were in the store of files."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Input(path, number, key_of(digest), digest, len(text), ORIGIN)


def with_files(db: Database, *files: Input, **options: Any) -> str:
    """A job that starts from these files."""
    with db.write() as session:
        owner = ensure_project(session, "default").id
        return create_job(session, project_id=owner, spec={}, plan=PLAN, files=files, **options).id


def test_a_claim_tells_the_files_by_path_with_their_parts_in_order(db: Database) -> None:
    parts = [a_file("inputs/source/a.zip", number, f"part {number}") for number in (10, 2, 1)]
    with_files(db, *parts, a_file("inputs/dataset/dataset.json"))
    told = must_take(db).files
    assert [(file.path, file.number) for file in told] == [
        ("inputs/dataset/dataset.json", 1),
        ("inputs/source/a.zip", 1),
        ("inputs/source/a.zip", 2),
        ("inputs/source/a.zip", 10),
    ]
    assert told[1] == parts[2]


def test_a_retry_starts_from_the_same_files(db: Database) -> None:
    first = with_files(db, a_file("inputs/source/a.zip"))
    break_down(db, must_take(db).lease, "invalid_data", retry=False)
    with db.write() as session:
        again = retry_job(session, session.get_one(Job, first))
        assert inputs.of_job(session, again.id) == inputs.of_job(session, first)


def test_who_still_works_with_something_is_named_and_ended_jobs_are_not(db: Database) -> None:
    ended, working = (with_files(db, a_file("inputs/dataset/x")) for _ in range(2))
    break_down(db, must_take(db).lease, "invalid_data", retry=False)
    with db.read() as session:
        assert inputs.users(session, ORIGIN, 3) == [working]
        assert inputs.users(session, "ds_other/1", 3) == []
    assert job(db, ended).status == "failed"


def test_files_that_were_let_go_are_collected_and_a_retry_says_what_is_gone(db: Database) -> None:
    file = a_file("inputs/dataset/x")
    job_id = with_files(db, file)
    break_down(db, must_take(db).lease, "invalid_data", retry=False)
    with db.write() as session:
        inputs.release(session, origin=ORIGIN)
    with db.read() as session:
        assert list(session.scalars(select(DeadFile.key))) == [file.key]
        assert inputs.of_job(session, job_id)[0].sha256 == file.sha256
    with db.write() as session, pytest.raises(Conflict, match="was deleted") as refusal:
        retry_job(session, session.get_one(Job, job_id))
    assert refusal.value.code == "input_gone"


def test_a_deleted_job_lets_its_files_go(db: Database) -> None:
    file = a_file("inputs/dataset/x")
    job_id = with_files(db, file)
    break_down(db, must_take(db).lease, "invalid_data", retry=False)
    with db.write() as session:
        delete_job(session, session.get_one(Job, job_id))
    with db.read() as session:
        assert list(session.scalars(select(DeadFile.key))) == [file.key]
        assert inputs.of_job(session, job_id) == ()


def test_lists_show_what_was_asked_for_by_kind(db: Database) -> None:
    distillation, inspection = make_job(db), with_files(db, kind=JobKind.INSPECTION)
    with db.read() as session:
        project = session.get_one(Job, distillation).project_id
        shown = {kind: [row.id for row in list_jobs(session, project, kind=kind).items] for kind in (*JobKind, None)}
        usual = [row.id for row in list_jobs(session, project).items]
    assert shown == {
        JobKind.DISTILLATION: [distillation],
        JobKind.INSPECTION: [inspection],
        JobKind.REEVALUATION: [],
        None: [inspection, distillation],
    }
    assert usual == [distillation]
