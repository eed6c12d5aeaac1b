"""Migrations make exactly the tables of the models, once, whoever runs them and however often."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from processes import ROOT, run_together
from servers import Postgres, free_port
from sqlalchemy import inspect, select, text

from store.database import make_engine
from store.migrate import config, current, head, migration_engine, upgrade
from store.models import Base, Job

NEWEST = "0015"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'empty.sqlite'}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    postgres.execute("CREATE DATABASE empty")
    yield postgres.url("empty")
    postgres.execute("DROP DATABASE empty WITH (FORCE)")


def test_an_upgraded_database_has_exactly_the_models_tables(empty_url: str) -> None:
    upgrade(empty_url)
    engine = make_engine(empty_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        assert set(inspect(connection).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
    engine.dispose()


def test_the_migrated_schema_is_word_for_word_the_one_that_the_models_would_make(tmp_path: Path) -> None:
    made, migrated = f"sqlite:///{tmp_path / 'made.sqlite'}", f"sqlite:///{tmp_path / 'migrated.sqlite'}"
    engine = make_engine(made)
    Base.metadata.create_all(engine)
    upgrade(migrated)
    assert schema(migrated) == schema(made)


def schema(url: str) -> dict[str, set[str]]:
    """Every table's and index's definition, whose words SQLite keeps, as sets of its lines without quotes."""
    engine = make_engine(url)
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'"
    with engine.connect() as connection:
        rows = connection.execute(text(query)).all()
    engine.dispose()
    return {
        name: {" ".join(line.strip(" ,").split()) for line in sql.replace('"', "").splitlines()} for name, sql in rows
    }


def test_upgrading_again_changes_nothing(empty_url: str) -> None:
    upgrade(empty_url)
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO dead_files (key, since) VALUES ('k', '2026-01-01 00:00:00')"))
    upgrade(empty_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT key FROM dead_files")).all() == [("k",)]
    engine.dispose()


def test_a_database_of_the_first_schema_keeps_its_jobs_and_what_refers_to_them(empty_url: str) -> None:
    engine = migration_engine(empty_url)
    with engine.begin() as connection:
        command.upgrade(config(connection), "0001")
        for statement in FIRST_ROWS:
            connection.execute(text(statement))
    upgrade(empty_url)
    with engine.connect() as connection:
        query = "SELECT j.name, j.clone_of, e.type FROM jobs j JOIN events e ON e.job_id = j.id"
        assert connection.execute(text(query)).all() == [("old", None, "status")]
    engine.dispose()


FIRST_ROWS = (
    "INSERT INTO projects (id, name, active, created_at) VALUES ('prj_1', 'p', 0, '2026-01-01')",
    "INSERT INTO jobs (id, project_id, name, name_key, method, dataset, labels, resource_class, priority, urgency,"
    " status, version, event_seq, attempt, attempts_max, fence, durations, metrics, warnings, created_at, queued_at)"
    " VALUES ('job_1', 'prj_1', 'old', 'old', 'hinton', 'digits', '{}', 'cpu', 0, 0, 'queued', 1, 1, 0, 5, 0, '{}',"
    " '{}', '[]', '2026-01-01', '2026-01-01')",
    "INSERT INTO events (job_id, seq, type, created_at, data) VALUES ('job_1', 1, 'status', '2026-01-01', '{}')",
)


def test_older_jobs_are_counted_by_kind_and_get_the_headline_of_their_result(empty_url: str) -> None:
    engine = migration_engine(empty_url)
    network = {"score": 0.5, "parameters": 3, "bytes": 12, "macs": 9}
    result = {"metric": {"name": "rmse"}, "score_kept": None, "models": {"student": network, "teacher": None}}
    with engine.begin() as connection:
        command.upgrade(config(connection), "0011")
        for statement in FIRST_ROWS:
            connection.execute(text(statement))
        connection.execute(text(INSPECTION))
        insert = text("INSERT INTO job_specs (job_id, spec, plan, result) VALUES ('job_1', '{}', '{}', :result)")
        connection.execute(insert, {"result": json.dumps(result)})
    upgrade(empty_url)
    with engine.begin() as connection:
        counted = connection.execute(text("SELECT kind, status, count FROM state_counts ORDER BY kind")).all()
        assert counted == [("distillation", "queued", 1), ("inspection", "queued", 1)]
        found = connection.execute(select(Job.headline).where(Job.id == "job_1")).scalar_one()
        few = {name: network[name] for name in ("score", "parameters", "bytes")}
        assert found == {"metric": {"name": "rmse"}, "score_kept": None, "gap_closed": None, "models": {"student": few}}
        command.downgrade(config(connection), "0011")
        assert connection.execute(text("SELECT status, count FROM state_counts")).all() == [("queued", 2)]
    engine.dispose()


INSPECTION = (
    "INSERT INTO jobs (id, project_id, name, name_key, method, dataset, labels, resource_class, priority, urgency,"
    " status, version, event_seq, attempt, attempts_max, fence, durations, metrics, warnings, created_at, queued_at,"
    " kind) SELECT 'job_2', project_id, name, name_key, method, dataset, labels, resource_class, priority, urgency,"
    " status, version, event_seq, attempt, attempts_max, fence, durations, metrics, warnings, created_at, queued_at,"
    " 'inspection' FROM jobs"
)


def test_an_empty_database_has_no_revision_and_an_upgraded_one_the_newest(empty_url: str) -> None:
    engine = make_engine(empty_url)
    assert current(engine) is None
    upgrade(empty_url)
    assert current(engine) == head() == NEWEST
    engine.dispose()


def test_processes_that_upgrade_at_once_all_succeed(empty_url: str) -> None:
    run_together("import sys; from store.migrate import upgrade; upgrade(sys.argv[1])", [[empty_url]] * 4)
    engine = make_engine(empty_url)
    assert current(engine) == head()
    engine.dispose()


def test_an_upgrade_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE events (mine INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        upgrade(empty_url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["events"]
    engine.dispose()


def test_a_migration_may_rebuild_a_table_that_others_refer_to(tmp_path: Path) -> None:
    engine = migration_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 0
    engine.dispose()


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run() -> Run:
    """`python -m migrations` with these settings, in another folder than ours."""

    def run(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings}
        command = [sys.executable, "-m", "migrations"]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    return run


def test_the_command_upgrades_what_the_settings_name(run: Run, tmp_path: Path) -> None:
    done = run(tmp_path, DISTILLERY_HOME=str(tmp_path / "home"))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"at revision {NEWEST}" in done.stdout
    assert (tmp_path / "home" / "distillery.sqlite").exists()


def test_the_command_says_in_one_line_what_it_cannot_reach_and_shows_no_password(run: Run, tmp_path: Path) -> None:
    url = f"postgresql://user:geheim@127.0.0.1:{free_port()}/x"
    done = run(tmp_path, DISTILLERY_HOME=str(tmp_path), DISTILLERY_DATABASE_URL=url)
    assert done.returncode == 1
    assert "Cannot reach" in done.stderr
    assert "geheim" not in done.stderr
    assert "Traceback" not in done.stderr
