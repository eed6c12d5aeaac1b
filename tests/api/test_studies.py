"""Studies over HTTP: planned, begun, led on through what their jobs come to, cancelled, and shown as tables."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from api_client import SECRET, Api, Start, Truth
from leading import BASE, Hands, faults
from pydantic import SecretStr

from api.leading import Leader
from store import records, studies, studyruns
from store.settings import Settings

STUDY: dict[str, Any] = {
    "name": "digits-methods",
    "question": "which method?",
    "base": BASE,
    "arms": [
        {"name": "alone", "changes": {"method": "student-alone", "teacher": None}},
        {"name": "hinton", "changes": {"method": "hinton"}},
    ],
    "seeds": 3,
}


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
    answer = api.post("/v1/studies", json={**STUDY, **changes})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/studies/{answer.json()['id']}"
    found: str = answer.json()["id"]
    return found


def table(api: Api, study_id: str) -> dict[str, Any]:
    answer = api.get(f"/v1/studies/{study_id}/results")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_study_goes_its_whole_way(api: Api, hands: Hands) -> None:
    study_id = begin(api)
    made = api.get(f"/v1/studies/{study_id}").json()
    assert (made["status"], made["arms"], made["seeds"], made["jobs"]["planned"]) == ("running", 2, 3, 7)
    hands.look(study_id)
    first = api.get(f"/v1/jobs?study={study_id}&sort=created_at").json()["data"]
    assert [(job["study_arm"], job["study_seed"]) for job in first] == [
        (":teacher", 0), ("alone", 0), ("alone", 1), ("alone", 2),
    ]  # fmt: skip
    hands.play(study_id, lambda arm, seed: {"alone": 0.8, "hinton": 0.85}[arm] + seed / 1000)
    done = api.get(f"/v1/studies/{study_id}").json()
    assert (done["status"], done["jobs"]) == ("succeeded", {"planned": 7, "succeeded": 7})
    found = table(api, study_id)
    alone, hinton = found["arms"]
    assert found["complete"]
    assert (alone["summary"]["n"], round(alone["summary"]["mean"], 6)) == (3, 0.801)
    assert alone["difference"] is None
    assert (hinton["difference"]["n"], round(hinton["difference"]["difference"], 6)) == (3, 0.05)
    assert hinton["difference"]["p_corrected"] < 0.001
    assert found["pareto"] == {"axes": ["score", "bytes", "latency_ms"], "arms": ["hinton"]}
    assert found["runs"] == {"planned": 6, "succeeded": 6}
    assert [teacher["status"] for teacher in found["teachers"]] == ["succeeded"]


def test_every_arm_of_a_shared_teacher_learns_from_the_model_that_was_kept_of_it(api: Api, hands: Hands) -> None:
    study_id = begin(api, arms=[{"name": "hinton"}, {"name": "at", "changes": {"method": "at"}}], seeds=1)
    hands.play(study_id, lambda arm, seed: 0.8)
    (teacher,) = table(api, study_id)["teachers"]
    model = api.get(f"/v1/models/{teacher['model_id']}").json()
    assert (model["status"], model["architecture"]) == ("ready", "resnet20")
    for job in api.get(f"/v1/jobs?study={study_id}").json()["data"]:
        detail = api.get(job["urls"]["self"]).json()
        assert detail["spec"]["baseline"] is False
        if job["study_arm"] != ":teacher":
            assert detail["spec"]["teacher"] == {"id": teacher["model_id"], "version": 1}
            assert [run["name"] for run in detail["plan"]["runs"]] == ["distil"]
        else:
            assert detail["plan"]["runs"][0]["training"]["epochs"] == 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"arms": [{"name": "a", "changes": {"training": {"epochs": -1}}}]}, {"/arms/0/changes/training/epochs"}),
        ({"grid": {"/training/optimizer/lr": [0.1, "x"]}}, {"/grid/~1training~1optimizer~1lr/1"}),
        ({"base": {**BASE, "student": {"architecture": "resnt8"}}}, {"/base/student/architecture"}),
        ({"reference": "alon"}, {"/reference"}),
        ({"arms": [{"name": "a"}, {"name": "b", "changes": {"dataset": {"name": "iris"}}}]}, set()),
        ({"grid": {"/training/seed": [1, 2]}}, {"/grid/~1training~1seed/0"}),
        ({"grid": {"/method/x/y": [1]}, "arms": []}, {"/grid/~1method~1x~1y/0"}),
        ({"seeds": [1, 1]}, {""}),
        ({"arms": [{"name": "a"}, {"name": "a"}]}, {""}),
        ({"arms": [{"name": ":a"}]}, {"/arms/0/name"}),
        ({"unknown": 1}, {"/unknown"}),
        ({"grid": {"/training/batch_size": list(range(1, 150)), "/training/epochs": list(range(1, 150))}}, {"/grid"}),
    ],
)
def test_what_is_wrong_is_pointed_at_where_the_study_says_it_and_makes_nothing(
    api: Api, changes: dict[str, Any], expected: set[str]
) -> None:
    found = faults(api.post("/v1/studies", json={**STUDY, **changes}))
    assert expected <= set(found), found
    assert faults(api.post("/v1/studies:plan", json={**STUDY, **changes})) == found
    assert api.get("/v1/studies").json()["data"] == []
    assert api.get("/v1/jobs").json()["data"] == []


def test_arms_on_other_data_are_refused_and_those_with_another_budget_are_marked(api: Api, hands: Hands) -> None:
    other = [{"name": "a"}, {"name": "b", "changes": {"dataset": {"name": "mnist"}}}]
    assert faults(api.post("/v1/studies", json={**STUDY, "arms": other})) == {
        "/arms/1/changes/dataset/name": "another_dataset"
    }
    longer = [{"name": "a"}, {"name": "longer", "changes": {"training": {"epochs": 8}}}]
    plan = api.post("/v1/studies:plan", json={**STUDY, "arms": longer}).json()
    assert [one["code"] for one in plan["warnings"]] == ["not_comparable"]
    study_id = begin(api, arms=longer)
    hands.play(study_id, lambda arm, seed: 0.8 + seed / 100)
    marked = table(api, study_id)["arms"][1]
    assert (marked["comparable"], marked["difference"]) == (False, None)
    assert marked["apart"] == ["it trains for 8 epochs, the reference for 4"]
    assert marked["summary"]["n"] == 3


def test_a_study_that_explodes_shows_its_count_and_cost_and_asks_for_a_cap(api: Api) -> None:
    many = {**STUDY, "grid": {"/training/optimizer/lr": [0.01, 0.02, 0.05, 0.1]}, "seeds": 5}
    plan = api.post("/v1/studies:plan", json=many).json()
    assert (plan["jobs"], plan["problems"][0]["code"]) == (41, "cap_needed")
    refusal = api.post("/v1/studies", json=many)
    assert faults(refusal) == {"/budget/jobs_at_most": "cap_needed"}
    assert "41 jobs (8 arms, 5 seeds)" in refusal.json()["detail"]
    assert faults(api.post("/v1/studies", json={**many, "budget": {"jobs_at_most": 30}})) == {
        "/budget/jobs_at_most": "too_many_jobs"
    }
    assert api.post("/v1/studies", json={**many, "budget": {"jobs_at_most": 50}}).status_code == 201


def test_a_failed_or_cancelled_job_is_marked_and_the_others_go_on(api: Api, hands: Hands) -> None:
    study_id = begin(api, base={**BASE, "teacher": None}, arms=[{"name": "a", "changes": {"method": "student-alone"}}])
    hands.look(study_id)
    failed, (cancelled, _) = hands.fail(), hands.queued(study_id)
    assert api.post(f"/v1/jobs/{cancelled['id']}/cancel").status_code == 200
    hands.play(study_id, lambda arm, seed: 0.8)
    found = table(api, study_id)
    states = {run["job_id"]: (run["status"], run["reason"]) for run in found["arms"][0]["runs"]}
    assert states[failed] == ("failed", "invalid_data: no")
    assert states[cancelled["id"]] == ("cancelled", None)
    assert (found["complete"], found["status"], found["arms"][0]["summary"]["n"]) == (False, "succeeded", 1)
    assert found["arms"][0]["summary"]["interval"] is None
    again = api.post(f"/v1/jobs/{failed}/retry").json()
    assert (again["study_id"], again["study_arm"]) == (study_id, "a")
    lease, job = hands.claim()
    assert job["id"] == again["id"]
    hands.succeed(lease, 0.9)
    runs = table(api, study_id)["arms"][0]["runs"]
    assert {run["job_id"]: run["score"] for run in runs}[again["id"]] == 0.9


def test_arms_whose_teacher_failed_are_stopped_and_say_so(api: Api, hands: Hands) -> None:
    study_id = begin(api, seeds=1)
    hands.look(study_id)
    hands.fail()
    hands.play(study_id, lambda arm, seed: 0.8)
    alone, hinton = table(api, study_id)["arms"]
    assert (alone["status"], hinton["status"]) == ("done", "stopped")
    assert hinton["stopped"]["reason"] == "the job of its teacher has failed"
    assert api.get(f"/v1/studies/{study_id}").json()["status"] == "succeeded"


def test_successive_halving_gives_up_the_worst_on_the_validation_split_and_keeps_the_reference(
    api: Api, hands: Hands
) -> None:
    arms = [{"name": name, "changes": {"training": {"batch_size": 60 + place}}} for place, name in enumerate("abcdef")]
    base = {**BASE, "teacher": None, "method": "student-alone"}
    halving = {"stop_early": {"factor": 3, "first": 1}, "budget": {"jobs_at_most": 100}}
    study_id = begin(api, base=base, arms=arms, seeds=3, reference="f", **halving)
    hands.play(study_id, lambda arm, seed: 0.9 - "abcdef".index(arm) / 100)
    found = {arm["name"]: arm for arm in table(api, study_id)["arms"]}
    assert {name: len(arm["runs"]) for name, arm in found.items()} == {"a": 3, "b": 3, "c": 1, "d": 1, "e": 1, "f": 3}
    assert found["c"]["status"] == "stopped"
    assert found["c"]["stopped"]["reason"].startswith("after 1 seed it was number 3 of 6 on the validation split")


def test_device_hours_are_not_gone_over_and_the_table_says_what_was_not_begun(api: Api, hands: Hands) -> None:
    base = {**BASE, "teacher": None, "method": "student-alone"}
    study_id = begin(api, base=base, arms=[{"name": "a"}], seeds=5, budget={"device_hours": 2.5})
    for _ in range(20):
        hands.look(study_id)
        if api.get(f"/v1/studies/{study_id}").json()["status"] != "running":
            break
        while hands.queued(study_id):
            lease, _ = hands.claim()
            hands.succeed(lease, 0.8, seconds=3600)
    found = table(api, study_id)
    arm = found["arms"][0]
    assert found["status"] == "succeeded"
    assert (len(arm["runs"]), arm["stopped"]["code"], found["complete"]) == (2, "over_budget", False)
    assert arm["stopped"]["reason"].startswith("2 of 2.5 device hours are used")


def test_a_cancelled_study_cancels_its_open_jobs_and_can_be_deleted_then(api: Api, hands: Hands) -> None:
    study_id = begin(api)
    assert api.delete(f"/v1/studies/{study_id}").status_code == 409
    hands.look(study_id)
    lease, _ = hands.claim()
    assert api.post(f"/v1/studies/{study_id}/cancel").status_code == 202
    hands.look(study_id)
    assert api.get(f"/v1/studies/{study_id}").json()["status"] == "cancelling"
    with hands.truth.database.write() as session:
        records.stopped(session, lease, "cancel")
    hands.look(study_id)
    done = api.get(f"/v1/studies/{study_id}").json()
    assert (done["status"], done["jobs"]["cancelled"]) == ("cancelled", 4)
    assert api.post(f"/v1/studies/{study_id}/cancel").status_code == 200
    assert api.delete(f"/v1/studies/{study_id}").status_code == 204
    assert api.get(f"/v1/studies/{study_id}").status_code == 404
    assert [job["study_id"] for job in api.get("/v1/jobs").json()["data"]] == [None] * 4


def test_two_who_lead_the_same_study_make_every_job_once(api: Api, hands: Hands, truth: Truth) -> None:
    study_id = begin(api)
    with truth.database.write() as session:
        first = studies.take(session)
    assert first is not None
    with truth.database.write() as session:
        assert studies.take(session) is None  # the first has it
        studyruns.wake(session, study_id)
    with truth.database.write() as session:
        second = studies.take(session)
    assert second is not None
    hands.leader.lead(first)  # too late: somebody else leads it on
    assert hands.queued(study_id) == []
    hands.leader.lead(second)
    hands.leader.lead(second)
    assert len(hands.queued(study_id)) == 4


def test_a_study_waits_for_room_and_says_so(start: Start, settings: Settings, api: Api, hands: Hands) -> None:
    study_id = begin(api)
    hands.leader = Leader(hands.truth.database, settings.model_copy(update={"jobs_in_flight": 2}), lambda _: None)
    hands.look(study_id)
    shown = api.get(f"/v1/studies/{study_id}").json()
    assert len(hands.queued(study_id)) == 2
    assert "2 jobs that have not ended" in shown["waits_for"]
    hands.leader = Leader(hands.truth.database, settings, lambda _: None)
    hands.look(study_id)
    assert api.get(f"/v1/studies/{study_id}").json()["waits_for"] is None
    assert len(hands.queued(study_id)) == 4


def test_a_table_is_csv_when_asked(api: Api, hands: Hands) -> None:
    study_id = begin(api, seeds=1)
    hands.play(study_id, lambda arm, seed: 0.8)
    answer = api.get(f"/v1/studies/{study_id}/results?format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["arm"], row["seed"], row["score"]) for row in rows] == [("alone", "0", "0.8"), ("hinton", "0", "0.8")]


def test_a_study_is_created_once_changed_listed_and_invisible_to_other_projects(api: Api, truth: Truth) -> None:
    keyed = {"Idempotency-Key": "k1"}
    first, second = (api.post("/v1/studies", json=STUDY, headers=keyed) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotent-replayed"] == "true"
    study_id = first.json()["id"]
    shown = api.get(f"/v1/studies/{study_id}")
    assert api.patch(f"/v1/studies/{study_id}", json={"name": "x"}, headers={"If-Match": '"9"'}).status_code == 412
    tag = {"If-Match": shown.headers["etag"]}
    assert api.patch(f"/v1/studies/{study_id}", json={"name": "Renamed"}, headers=tag).json()["name"] == "Renamed"
    assert [one["id"] for one in api.get("/v1/studies?q=rena&status=running").json()["data"]] == [study_id]
    assert api.get("/v1/studies?status=failed").json()["data"] == []
    stranger = api.with_key(truth.key(project="other"))
    assert stranger.get(f"/v1/studies/{study_id}").status_code == 404
    assert stranger.get(f"/v1/studies/{study_id}/results").status_code == 404
    assert stranger.post(f"/v1/studies/{study_id}/cancel").status_code == 404
    assert stranger.get("/v1/studies").json()["data"] == []
    reader = api.with_key(truth.key("jobs:read"))
    assert reader.post("/v1/studies", json=STUDY).status_code == 403
    assert reader.post("/v1/studies:plan", json=STUDY).status_code == 200
    actions = {one["action"] for one in api.get(f"/v1/audit_logs?target={study_id}").json()["data"]}
    assert actions == {"study.create", "study.change"}
