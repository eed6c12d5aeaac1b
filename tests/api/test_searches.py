"""Searches over HTTP: trials that know of those before, led on batch by batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from api_client import SECRET, Api, Start, Truth
from leading import BASE, Hands, faults
from pydantic import SecretStr

from api.leading import Leader
from api.study_planning import next_trials
from store.settings import Settings

LR, TEMPERATURE = "/training/optimizer/lr", "/method/temperature"
SEARCH: dict[str, Any] = {
    "name": "which-rate",
    "base": BASE,
    "search": {
        "over": {LR: {"low": 0.001, "high": 0.1, "log": True}, TEMPERATURE: {"low": 1, "high": 8}},
        "trials": 5,
        "together": 3,
    },
    "seeds": 1,
}
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """The same on both databases."""
    home = tmp_path / "home"
    return Settings(home=home, database_url=database_url, broker_url="memory://", secret=SecretStr(SECRET), port=8400)


@pytest.fixture
def api(start: Start, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The application without its own conductor: tests lead studies on step by step."""
    monkeypatch.setattr("api.conducting.Conductor._once", lambda self: False)
    return start(settings)


@pytest.fixture
def hands(api: Api, truth: Truth, tmp_path: Path) -> Hands:
    return Hands(api, truth, tmp_path)


def begin(api: Api, **changes: Any) -> str:
    answer = api.post("/v1/studies", json={**SEARCH, **changes})
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


def table(api: Api, study_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/studies/{study_id}/results").json()
    return found


def detail(api: Api, study_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/studies/{study_id}").json()
    return found


def chosen(api: Api, study_id: str) -> list[dict[str, Any]]:
    return [arm["changes"] for arm in detail(api, study_id)["plan"]["arms"]]


def score(arm: str, seed: int) -> float:
    return 0.8 + int(arm.removeprefix("trial ").split(",")[0]) / 100 + seed / 1000


def work(hands: Hands, study_id: str) -> None:
    """The jobs that there are succeed."""
    while hands.queued(study_id):
        lease, job = hands.claim()
        hands.succeed(lease, 0.9 if job["study_arm"] == ":teacher" else score(job["study_arm"], job["study_seed"]))


def first_batch(hands: Hands, study_id: str) -> None:
    """The teacher's job and those of the first trials have ended, and nobody has looked since."""
    for _ in range(2):
        hands.look(study_id)
        work(hands, study_id)


def test_a_search_goes_its_whole_way_and_marks_the_best_trial(api: Api, hands: Hands) -> None:
    study_id = begin(api, seeds=2)
    made = detail(api, study_id)
    assert (made["arms"], made["jobs"]["planned"], made["seconds"]) == (5, 11, made["plan"]["seconds"])
    first_batch(hands, study_id)
    half = table(api, study_id)
    assert (half["search"]["trials"], half["search"]["chosen"], len(half["arms"])) == (5, 3, 3)
    assert half["search"]["best"].startswith("trial 3, ")
    hands.look(study_id)
    assert detail(api, study_id)["version"] == made["version"] + 1
    hands.play(study_id, score)
    done, found = detail(api, study_id), table(api, study_id)
    assert (done["status"], done["jobs"]) == ("succeeded", {"planned": 11, "succeeded": 11})
    assert [arm["name"].split(",")[0] for arm in found["arms"]] == [f"trial {number}" for number in range(1, 6)]
    assert [len(arm["runs"]) for arm in found["arms"]] == [2] * 5
    best = found["arms"][-1]
    assert (found["search"]["best"], found["search"]["changes"]) == (best["name"], best["changes"])
    assert found["search"]["validation"] == pytest.approx(0.8505)
    assert (found["complete"], found["runs"]["planned"]) == (True, 10)
    assert any(
        note.startswith(f"the best of 5 trials on the validation split is {best['name']}") for note in found["notes"]
    )
    lines = api.get(f"/v1/studies/{study_id}/results?format=csv").text.splitlines()
    assert len(lines) == 11
    for job in api.get(f"/v1/jobs?study={study_id}&limit=100").json()["data"]:
        if job["study_arm"] == best["name"]:
            spec = api.get(job["urls"]["self"]).json()["spec"]
            assert spec["training"]["optimizer"]["lr"] == best["changes"][LR]


def test_killed_between_two_batches_it_goes_on_with_the_same_trials(
    api: Api, hands: Hands, truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = begin(api)
    hands.play(whole, score)
    killed = begin(api)
    first_batch(hands, killed)

    def dies(*_: Any) -> None:
        raise MemoryError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Leader, "_going", dies)  # the trials are chosen, and not written yet
        with pytest.raises(MemoryError):
            hands.look(killed)
    assert len(chosen(api, killed)) == 3
    hands.leader = Leader(truth.database, truth.settings, lambda _: None)
    hands.look(killed)
    assert len(chosen(api, killed)) == 5
    assert chosen(api, killed) == chosen(api, whole)


def test_who_was_overtaken_while_it_chose_adds_no_trials(
    api: Api, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = begin(api)
    first_batch(hands, study_id)
    before = detail(api, study_id)["version"]

    def slowly(*told: Any) -> Any:
        monkeypatch.setattr("api.leading.next_trials", next_trials)
        hands.look(study_id)  # somebody else leads it on, and has begun the next trials
        hands.look(study_id)
        return next_trials(*told)

    monkeypatch.setattr("api.leading.next_trials", slowly)
    hands.look(study_id)
    assert (len(chosen(api, study_id)), detail(api, study_id)["version"]) == (5, before + 1)
    assert len(hands.queued(study_id)) == 2


@ONE_DATABASE
def test_a_trial_that_failed_is_marked_and_the_search_goes_on(api: Api, hands: Hands) -> None:
    study_id = begin(api)
    hands.look(study_id)
    work(hands, study_id)
    hands.look(study_id)
    hands.fail()
    hands.play(study_id, score)
    found = table(api, study_id)
    assert [arm["status"] for arm in found["arms"]].count("incomplete") == 1
    assert (len(found["arms"]), found["complete"], found["status"]) == (5, False, "succeeded")


@ONE_DATABASE
def test_without_a_teacher_or_hours_no_further_trials_are_chosen(api: Api, hands: Hands) -> None:
    taught = begin(api)
    hands.look(taught)
    hands.fail()
    hands.play(taught, score)
    assert [arm["stopped"]["code"] for arm in table(api, taught)["arms"]] == ["no_teacher"] * 3
    base = {**BASE, "teacher": None, "method": {"preset": "student-alone"}}
    over = {LR: SEARCH["search"]["over"][LR]}
    costly = begin(api, base=base, search={**SEARCH["search"], "over": over}, budget={"device_hours": 2.5})
    hands.play(costly, score, seconds=3600)
    found = table(api, costly)
    assert (sum(len(arm["runs"]) for arm in found["arms"]), len(found["arms"])) == (2, 3)
    assert found["arms"][2]["stopped"]["code"] == "over_budget"


@ONE_DATABASE
def test_a_cancelled_search_chooses_nothing_more(api: Api, hands: Hands) -> None:
    study_id = begin(api)
    first_batch(hands, study_id)
    assert api.post(f"/v1/studies/{study_id}/cancel").status_code == 202
    hands.look(study_id)
    assert (detail(api, study_id)["status"], len(chosen(api, study_id))) == ("cancelled", 3)


@ONE_DATABASE
def test_a_plan_shows_the_first_trials_and_what_cannot_be_searched_is_refused(api: Api) -> None:
    plan = api.post("/v1/studies:plan", json=SEARCH).json()
    assert (plan["search"], plan["jobs"]) == ({"count": 5, "together": 3, "skipped": []}, 6)
    closed = {**SEARCH["search"], "over": {"/training/seed": {"low": 1, "high": 9}}}
    told = api.post("/v1/studies", json={**SEARCH, "search": closed})
    assert faults(told) == {"/search/over/~1training~1seed": "not_searchable"}
    many = api.post("/v1/studies", json={**SEARCH, "search": {**SEARCH["search"], "trials": 30}})
    assert faults(many) == {"/budget/jobs_at_most": "cap_needed"}
    assert "31 jobs (30 trials, 1 seed)" in many.json()["detail"]
