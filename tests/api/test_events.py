"""A job's story as a list."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api, Truth

from api import queries


def test_the_story_is_read_in_pages_without_gaps(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    truth.log(truth.claim(), *(f"line {i}" for i in range(10)))
    url, seen, cursor = job["urls"]["events"], [], "0"
    while True:
        page = api.get(f"{url}?limit=4&after={cursor}").json()
        seen += [event["seq"] for event in page["data"]]
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
    assert seen == list(range(1, 14))
    rest = api.get(f"{url}?after_seq=11").json()["data"]
    assert [event["seq"] for event in rest] == [12, 13]
    assert set(rest[0]) == {"object", "id", "seq", "type", "created_at", "data"}
    assert rest[0]["data"]["lines"][0]["message"] == "line 8"


@pytest.mark.parametrize("query", ["after_seq=-1", "after_seq=x", "limit=0", "limit=1001", "after=abc", "since=3"])
def test_a_place_that_cannot_be_is_422(api: Api, spec: dict[str, Any], query: str) -> None:
    job = api.submit(spec)
    assert api.get(f"{job['urls']['events']}?{query}").status_code == 422


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def test_many_jobs_are_read_in_one_statement_each_from_its_own_place(request: pytest.FixtureRequest, kind: str) -> None:
    from sqlalchemy import event
    from storing import make_job, must_take, say

    from store.database import Database

    db = Database(request.getfixturevalue(f"{kind}_url"))
    names = [make_job(db) for _ in range(3)]
    for _ in names:
        claim = must_take(db)
        for _ in range(4):
            say(db, claim.lease, {"type": "log", "level": "info", "message": "hello"})
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    with db.read() as session:
        found = queries.events_of(session, {names[0]: 0, names[1]: 5, names[2]: 99})
    db.close()
    assert [(row.job_id, row.seq) for row in found] == [(names[0], seq) for seq in range(1, 8)] + [
        (names[1], 6),
        (names[1], 7),
    ]
    assert len([text for text in statements if "FROM" in text]) == 1
