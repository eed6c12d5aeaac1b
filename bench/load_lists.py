"""Pages of lists with a thousand jobs and with many."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import httpx
from load_sides import Side, ours
from sqlalchemy import select, text

from store.database import Database
from store.models import Project

FILTERS = {
    "all": "",
    "status": "status=succeeded",
    "several states": "status=queued&status=running&status=failed",
    "states that no job has": "status=running&status=paused",
    "by name": "sort=name",
    "by name and status": "sort=-name&status=failed",
    "by end": "sort=-finished_at",
    "by end and status": "sort=-finished_at&status=succeeded",
    "method": "method=fitnet",
    "label": "label.team=t7",
    "label and status": "label.team=t8&status=queued",
    "label and status, nothing": "label.team=t7&status=queued",
    "name prefix": "q=bench-77",
    "created_before": "created_before=2026-06-01T00:00:00Z",
    "created_after": "created_after=2026-06-01T00:00:00Z",
}


def fill(database: str, count: int) -> None:
    """So many jobs, spread over states, labels and a year; by SQL, because it does not matter how they came."""
    truth = Database(database)
    sequence = (
        f"SELECT n FROM generate_series(1, {count}) AS n"
        if database.startswith("postgresql")
        else f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) SELECT n FROM c"
    )
    postgres = database.startswith("postgresql")
    moment = (
        "TIMESTAMPTZ '2026-01-01' + n * INTERVAL '25 seconds'"
        if postgres
        else ("strftime('%Y-%m-%d %H:%M:%f', '2026-01-01', '+' || (n * 25) || ' seconds') || '000'")
    )
    ident = "'job_' || lpad(to_hex(n), 26, '0')" if postgres else "'job_' || printf('%026x', n)"
    empty = "'{}'::jsonb" if postgres else "'{}'"
    state = "CASE n % 4 WHEN 0 THEN 'queued' WHEN 1 THEN 'failed' ELSE 'succeeded' END"
    method = "CASE n % 3 WHEN 0 THEN 'fitnet' ELSE 'hinton' END"
    with truth.write() as session:
        project = session.scalars(select(Project.id).where(Project.name == "default")).one()
        session.execute(
            text(f"""
            INSERT INTO jobs (id, project_id, name, name_key, method, dataset, labels, resource_class, priority,
              urgency, status, version, event_seq, attempt, attempts_max, fence, durations, metrics, warnings,
              created_at, queued_at, finished_at)
            SELECT {ident}, '{project}', 'bench-' || n, 'bench-' || n, {method}, 'digits', {empty}, 'cpu', 0, 0,
              {state}, 1, 1, 0, 5, 0, {empty}, {empty}, {empty.replace("{}", "[]")}, {moment}, {moment}, {moment}
            FROM ({sequence}) AS numbers""")
        )
        session.execute(
            text(f"""
            INSERT INTO job_labels (job_id, key, value, project_id, created_at)
            SELECT {ident}, 'team', 't' || (n % 50), '{project}', {moment} FROM ({sequence}) AS numbers""")
        )
        session.execute(
            text(f"""
            INSERT INTO state_counts (project_id, kind, status, shard, count)
            SELECT '{project}', 'distillation', status, 99, count(*) FROM jobs GROUP BY status""")
        )
    with truth.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    truth.close()


def measure_list(folder: Path, few: str, many: str, count: int) -> dict[str, Any]:
    """A page with every filter, and the overview: with a thousand jobs, and with many."""
    with ours(folder, few) as small, ours(folder, many) as large:
        fill(few, 1000)
        fill(many, count)
        paths = {name: f"/v1/jobs?{query}" for name, query in FILTERS.items()} | {"overview": "/v1/overview"}
        found = {}
        for name, path in paths.items():
            pairs = [(_page(small, path), _page(large, path)) for _ in range(3)]
            found[name] = {
                "ms": round(statistics.median(b for _, b in pairs), 2),
                "ratio": round(statistics.median(b / a for a, b in pairs), 2),
            }
    return {"jobs": count, **found}


def _page(side: Side, path: str) -> float:
    """Median milliseconds of forty requests."""
    with httpx.Client(headers=side.headers, timeout=60) as client:
        taken = []
        for _ in range(40):
            began = time.perf_counter()
            client.get(side.url + path).raise_for_status()
            taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000
