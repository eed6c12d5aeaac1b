"""Datasets follow their inspections, in one transaction, and keep their files as long as anybody may need them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from registering import CARD, FAULTY, PACK, REPORT, an_upload, approve, bring, dataset, refuse, version
from sqlalchemy import event, select, update
from storing import PLAN, break_down, expire, job, must_take, story, take, wait_no_more

from store import inputs, inspections, registry
from store.changes import delete_job
from store.database import Database, now
from store.endings import lost
from store.errors import Conflict, Invalid, LeaseLost
from store.jobs import cancel_job, create_job, retry_job
from store.models import Artifact, Dataset, DatasetFile, DatasetVersion, DeadFile, Job, JobKind
from store.projects import ensure_project, stored_bytes
from store.retention import retain
from store.settings import Backoff, Settings
from store.shelves import CANCELLED, DATASETS


def ready(db: Database, name: str = "scans", into: str | None = None) -> str:
    """A dataset whose newest version is ready. Returns its id."""
    brought = bring(db, name, into=into)
    approve(db, must_take(db).lease)
    return brought.dataset_id


def learner(db: Database, dataset_id: str, number: int = 1) -> str:
    """A distillation that starts from a version. Returns its id."""
    with db.write() as session:
        owner = ensure_project(session, "default").id
        files = registry.inputs_of(session, DATASETS, session.get_one(DatasetVersion, (dataset_id, number)), "inputs/d")
        return create_job(session, project_id=owner, spec={}, plan=PLAN, files=files).id


def dead(db: Database) -> set[str]:
    """Keys of files that lost a reference."""
    with db.read() as session:
        return set(session.scalars(select(DeadFile.key)))


def kept(db: Database) -> set[str]:
    """Keys of the files of all datasets."""
    with db.read() as session:
        return set(session.scalars(select(DatasetFile.key)))


def test_an_inspection_is_a_job_with_the_upload_as_its_files(db: Database) -> None:
    brought = bring(db)
    claim = must_take(db)
    found = job(db, brought.job_id)
    assert (claim.lease.job_id, found.kind, found.method) == (brought.job_id, JobKind.INSPECTION, "inspect-dataset")
    assert [file.path for file in claim.files] == ["inputs/source/scans.npz"]
    assert claim.plan["source"] == "inputs/source"
    assert (claim.plan["kind"], claim.plan["subject"]) == ("inspection", "dataset")
    assert claim.plan["limits"] == {"memory_bytes": 8 * 10**9, "seconds": 12 * 3600.0}
    assert (brought.status, brought.number) == ("validating", 1)
    assert brought.source["uploads"][0]["name"] == "scans.npz"


def test_a_version_is_ready_in_the_moment_in_which_its_inspection_succeeds(db: Database) -> None:
    brought = bring(db)
    approve(db, must_take(db).lease)
    found, whole = version(db, brought.dataset_id), dataset(db, brought.dataset_id)
    assert (found.status, found.card, found.report, found.sha256) == ("ready", CARD, REPORT, CARD["sha256"])
    assert found.bytes == sum(file.bytes for file in PACK if file.kind == "pack")
    assert (whole.status, whole.latest, whole.task) == ("ready", 1, "classification")
    with db.read() as session:
        stored = {file.path: (file.role, file.key) for file in registry.files(session, DATASETS, found)}
        assert inputs.of_job(session, brought.job_id) == ()
    assert stored == {file.name: (file.kind, file.key) for file in PACK}


def test_a_refused_version_keeps_its_report_and_says_why_without_the_log(db: Database) -> None:
    brought = bring(db)
    refuse(db, must_take(db).lease)
    found, whole = version(db, brought.dataset_id), dataset(db, brought.dataset_id)
    assert (found.status, found.card, found.report) == ("failed", None, FAULTY)
    assert found.error == {"code": "invalid_data", "message": "a.png: damaged", "param": "/source"}
    assert (whole.status, whole.latest, whole.task) == ("failed", None, None)
    with db.read() as session:
        assert [file.path for file in registry.files(session, DATASETS, found)] == ["report.json"]
    assert [entry.type for entry in story(db, brought.job_id)][-3:] == ["artifact", "status", "end"]


def test_an_attempt_that_is_repeated_settles_nothing(db: Database) -> None:
    brought = bring(db)
    refuse(db, must_take(db).lease, "disk_full", retry=True)
    assert version(db, brought.dataset_id).status == "validating"
    with db.read() as session:
        assert session.scalars(select(Artifact)).all() == []
    wait_no_more(db, brought.job_id)
    approve(db, must_take(db).lease)
    assert version(db, brought.dataset_id).status == "ready"


def test_an_attempt_that_lost_its_lease_settles_nothing(db: Database) -> None:
    brought = bring(db)
    lease = must_take(db).lease
    expire(db, brought.job_id)
    with db.write() as session:
        lost(session, session.get_one(Job, brought.job_id), Backoff(0, 0))
    with pytest.raises(LeaseLost):
        approve(db, lease)
    assert version(db, brought.dataset_id).status == "validating"


def test_a_cancelled_inspection_makes_the_version_failed_whether_it_waits_or_runs(db: Database) -> None:
    waiting = bring(db, "waiting")
    with db.write() as session:
        cancel_job(session, session.get_one(Job, waiting.job_id))
    running = bring(db, "running")
    lease = must_take(db).lease
    with db.write() as session:
        cancel_job(session, session.get_one(Job, running.job_id))
    approve(db, lease)
    for brought in (waiting, running):
        found = version(db, brought.dataset_id)
        assert (found.status, found.error) == ("failed", CANCELLED)


def test_a_worker_that_is_lost_for_good_makes_the_version_failed(db: Database) -> None:
    brought = bring(db)
    with db.write() as session:
        session.execute(update(Job).values(attempts_max=1))
    break_down(db, must_take(db).lease)
    assert version(db, brought.dataset_id).error == {
        "code": "engine_crashed",
        "message": "engine_crashed!",
        "param": None,
    }


def test_a_version_follows_the_retry_of_its_inspection_and_only_one_of_them(db: Database) -> None:
    brought = bring(db)
    refuse(db, must_take(db).lease)
    with db.write() as session:
        again = retry_job(session, session.get_one(Job, brought.job_id))
    assert (again.kind, version(db, brought.dataset_id).job_id) == (JobKind.INSPECTION, again.id)
    assert (version(db, brought.dataset_id).status, dataset(db, brought.dataset_id).status) == ("validating",) * 2
    with db.write() as session, pytest.raises(Conflict, match="by a later job"):
        retry_job(session, session.get_one(Job, brought.job_id))
    approve(db, must_take(db).lease)
    assert version(db, brought.dataset_id).status == "ready"


def test_the_latest_version_is_the_newest_ready_one(db: Database) -> None:
    dataset_id = ready(db)
    bring(db, into=dataset_id)
    assert (dataset(db, dataset_id).status, dataset(db, dataset_id).latest) == ("validating", 1)
    refuse(db, must_take(db).lease)
    assert (dataset(db, dataset_id).status, dataset(db, dataset_id).latest) == ("failed", 1)
    ready(db, into=dataset_id)
    assert (dataset(db, dataset_id).status, dataset(db, dataset_id).latest, dataset(db, dataset_id).versions) == (
        "ready",
        3,
        3,
    )


def test_a_name_is_taken_once_in_a_project_and_free_in_another(db: Database) -> None:
    bring(db, "scans")
    bring(db, "scans", project="other")
    with pytest.raises(Conflict) as refusal:
        bring(db, "scans")
    assert refusal.value.code == "name_taken"


def test_a_project_has_so_many_datasets_at_most(db: Database) -> None:
    bring(db)
    with db.write() as session, pytest.raises(Conflict, match="delete some"):
        registry.create(session, DATASETS, ensure_project(session, "default").id, "more", most=1)


@pytest.mark.parametrize(("names", "code"), [(["a", "a"], "duplicate_name"), (["ä" * 150], "name_too_long")])
def test_uploads_that_cannot_lie_beside_each_other_are_refused(db: Database, names: list[str], code: str) -> None:
    made = [an_upload(db, name, text=str(number)) for number, name in enumerate(names)]
    with db.write() as session, pytest.raises(Invalid) as refusal:
        inspections.of_uploads(session, ensure_project(session, "default").id, made)
    assert refusal.value.code == code
    assert refusal.value.message.startswith(f"/source/uploads/{len(made) - 1}: ")


def test_another_projects_upload_is_not_found(db: Database) -> None:
    theirs = an_upload(db, project="theirs")
    with db.write() as session, pytest.raises(Invalid, match="No upload"):
        inspections.of_uploads(session, ensure_project(session, "mine").id, [theirs])


def test_lists_filter_by_task_status_and_the_beginning_of_a_name(db: Database) -> None:
    scans, other = ready(db, "Scans"), bring(db, "other").dataset_id
    with db.read() as session:
        project = session.get_one(Dataset, scans).project_id

        def ids(**filters: str) -> list[str]:
            return [row.id for row in registry.list_things(session, DATASETS, project, **filters).items]

        assert ids() == [other, scans]
        assert ids(task="classification") == [scans]
        assert ids(status="validating") == [other]
        assert ids(q="sca") == ids(q=scans) == [scans]
        assert ids(q="%") == []


def test_the_list_walks_its_index(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    seen: list[str] = []

    @event.listens_for(db.engine, "before_cursor_execute")
    def note(connection, cursor, statement, parameters, context, many) -> None:  # type: ignore[no-untyped-def]  # SQLAlchemy's own arguments
        if statement.startswith("SELECT") and "FROM datasets" in statement:
            cursor.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            seen.append(str(cursor.fetchall()))

    with db.read() as session:
        registry.list_things(session, DATASETS, "prj_x", task="classification", status="ready")
    assert "USING INDEX ix_datasets_list" in seen[-1]
    assert "TEMP B-TREE" not in seen[-1]
    db.close()


def test_the_files_of_a_dataset_outlive_its_inspection(db: Database) -> None:
    dataset_id = ready(db)
    with db.write() as session:
        delete_job(session, session.get_one(Job, version(db, dataset_id).job_id))
    assert {file.key for file in PACK} == kept(db)
    from store.garbage import _used  # the condition by which the collector spares files

    with db.read() as session:
        spared = set(session.scalars(select(DeadFile.key).where(_used())))
    assert spared >= kept(db)


def test_retention_lets_go_of_what_was_sent_for_an_inspection_that_failed_long_ago(db: Database) -> None:
    brought = bring(db)
    refuse(db, must_take(db).lease)
    with db.write() as session:
        session.execute(update(Job).values(finished_at=now(session) - timedelta(days=100)))
    retain(db, Settings(home=Path("/nowhere"), details_days=90))
    with db.read() as session:
        assert [file.key for file in inputs.of_job(session, brought.job_id)] == [None]


def test_a_deleted_dataset_frees_its_files_and_those_that_its_inspection_offered(db: Database) -> None:
    dataset_id = ready(db)
    with db.write() as session:
        registry.delete_thing(session, DATASETS, session.get_one(Dataset, dataset_id))
    assert dead(db) >= {file.key for file in PACK}
    with db.read() as session:
        assert session.scalars(select(Artifact)).all() == []
        assert session.get(Dataset, dataset_id) is None
    assert kept(db) == set()


def test_a_dataset_in_use_stays_and_the_refusal_names_the_job(db: Database) -> None:
    dataset_id = ready(db)
    job_id = learner(db, dataset_id)
    with db.write() as session, pytest.raises(Conflict, match=job_id):
        registry.delete_thing(session, DATASETS, session.get_one(Dataset, dataset_id))
    break_down(db, must_take(db).lease, "invalid_data", retry=False)
    with db.write() as session:
        registry.delete_thing(session, DATASETS, session.get_one(Dataset, dataset_id))
    with db.write() as session, pytest.raises(Conflict, match="was deleted"):
        retry_job(session, session.get_one(Job, job_id))


def test_a_dataset_that_is_being_inspected_stays(db: Database) -> None:
    brought = bring(db)
    with db.write() as session, pytest.raises(Conflict, match=brought.job_id):
        registry.delete_thing(session, DATASETS, session.get_one(Dataset, brought.dataset_id))


def test_a_version_can_go_unless_it_is_the_only_one(db: Database) -> None:
    dataset_id = ready(db)
    with db.write() as session, pytest.raises(Conflict, match="delete the dataset"):
        registry.delete_version(session, DATASETS, session.get_one(Dataset, dataset_id), 1)
    ready(db, into=dataset_id)
    with db.write() as session:
        registry.delete_version(session, DATASETS, session.get_one(Dataset, dataset_id), 2)
    assert (dataset(db, dataset_id).latest, dataset(db, dataset_id).versions) == (1, 2)
    assert bring(db, into=dataset_id).number == 3


def test_a_job_gets_the_pack_and_the_card_and_nothing_else(db: Database) -> None:
    dataset_id = ready(db)
    learner(db, dataset_id)
    claim = must_take(db)
    assert [file.path for file in claim.files] == [
        "inputs/d/dataset.json",
        "inputs/d/train/inputs.npy",
        "inputs/d/train/targets.npy",
    ]
    assert {file.origin for file in claim.files} == {f"{dataset_id}/1"}


def test_files_of_a_dataset_count_once_as_stored(db: Database) -> None:
    dataset_id = ready(db)
    with db.read() as session:
        project = session.get_one(Dataset, dataset_id).project_id
        assert stored_bytes(session, project) == sum(file.bytes for file in PACK)
    assert take(db) is None


def test_options_of_a_dataset_are_not_taken_for_those_of_its_inspection(db: Database) -> None:
    upload, settings = an_upload(db), Settings(home=Path("/nowhere"))
    options = {"name": "cells", "format": "image-csv", "labels": ["RBC", "WBC"], "priority": "high"}
    with db.write() as session:
        owner = ensure_project(session, "default").id
        source = inspections.of_uploads(session, owner, [upload])
        job = inspections.submit(session, settings, owner, "dataset", options, source)
        assert (job.name, job.labels, job.priority) == ("cells", {}, 0)
