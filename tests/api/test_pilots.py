"""Pilots over HTTP: decided, approved once, rejected, rolled back with what they had moved, and begun again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from api_client import SECRET, Api, Start, Truth
from leading import BASE, Hands, faults, result
from pydantic import SecretStr

from store.settings import Settings
from store.studies import TEACHER

PILOT: dict[str, Any] = {"name": "digits-hinton", "kind": "pilot", "base": {**BASE, "method": "hinton"}}


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


def helps(arm: str, seed: int) -> float:
    """The method gains five points, about."""
    return 0.8 + seed % 3 / 1000 if arm.startswith("alone") else 0.85 + seed % 3 / 500


def begin(api: Api, **changes: Any) -> str:
    answer = api.post("/v1/studies", json={**PILOT, **changes})
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


def show(api: Api, study_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/studies/{study_id}").json()
    return found


def decided(api: Api, hands: Hands, scores: Any = helps, **changes: Any) -> str:
    """A pilot that waits for approval."""
    study_id = begin(api, **changes)
    hands.play(study_id, scores)
    assert show(api, study_id)["status"] == "waiting"
    return study_id


def approve(api: Api, study_id: str, plan: str = "quick", **told: Any) -> Any:
    return api.post(f"/v1/studies/{study_id}/approve", json={"plan": plan, **told})


def did(api: Api, study_id: str) -> list[str]:
    return [entry["did"] for entry in show(api, study_id)["history"]]


def test_a_pilot_decides_waits_and_runs_the_plan_that_was_approved(api: Api, hands: Hands) -> None:
    study_id = begin(api)
    made = show(api, study_id)
    assert (made["stage"], made["jobs"]["planned"], made["decision"]) == ("pilot", 7, None)
    hands.play(study_id, helps)
    found = show(api, study_id)
    decision = found["decision"]
    assert (found["status"], found["waits_for"], found["outcome"]) == ("waiting", "approval", "go")
    assert (decision["code"], decision["n"], round(decision["mean"], 3)) == ("gain", 3, 0.051)
    jobs = api.get(f"/v1/jobs?study={study_id}&limit=100").json()["data"]
    specs = {job["study_arm"]: api.get(job["urls"]["self"]).json()["spec"] for job in jobs}
    assert specs["hinton (pilot)"]["dataset"]["limit"] == 324
    assert specs["hinton (pilot)"]["training"]["epochs"] == 1
    assert "limit" not in specs[":teacher"]["dataset"]  # it will teach the whole run, too
    answer = approve(api, study_id, "standard")
    assert (answer.status_code, answer.json()["status"], answer.json()["stage"]) == (200, "running", "standard")
    hands.look(study_id)
    assert {(job["study_arm"], job["study_seed"]) for job in hands.queued(study_id)} == {
        (f"{arm} (standard)", seed) for arm in ("alone", "hinton") for seed in (3, 4, 5, 6, 7)
    }
    hands.play(study_id, helps)
    done = show(api, study_id)
    assert (done["status"], done["jobs"]) == ("succeeded", {"planned": 17, "succeeded": 17})
    assert (done["approval"]["result"]["code"], done["approval"]["result"]["n"]) == ("gain", 5)
    table = api.get(f"/v1/studies/{study_id}/results").json()
    assert (table["stage"], table["complete"], table["runs"]) == ("standard", True, {"planned": 10, "succeeded": 10})
    first = api.get(f"/v1/studies/{study_id}/results?stage=pilot").json()
    assert [arm["name"] for arm in first["arms"]] == ["alone (pilot)", "hinton (pilot)"]
    assert did(api, study_id) == ["decided", "approved", "ended"]
    actions = [one["action"] for one in api.get(f"/v1/audit_logs?target={study_id}").json()["data"]]
    assert actions == ["study.approve", "study.create"]


def test_a_plans_cost_is_what_the_pilots_jobs_took_in_proportion(api: Api, hands: Hands) -> None:
    study_id = begin(api)
    hands.play(study_id, helps, seconds=60)
    decision = show(api, study_id)["decision"]
    quick, standard, thorough = (decision["plans"][name] for name in ("quick", "standard", "thorough"))
    assert decision["seconds"] == pytest.approx(7 * 60, abs=1)
    assert (quick["epochs"], standard["epochs"], quick["jobs"], standard["jobs"], thorough["jobs"]) == (2, 4, 6, 10, 20)
    assert thorough["seconds"] == pytest.approx(2 * standard["seconds"], rel=1e-3)
    # 4 epochs of 1,294 examples in batches of 64, after 1 epoch of 324
    assert standard["seconds"] == pytest.approx(10 * 60 * 4 * 20 / 5, rel=0.01)
    assert quick["width"] > standard["width"] > thorough["width"] > 0


def test_a_no_go_is_run_only_by_who_says_that_it_is_meant(api: Api, hands: Hands) -> None:
    study_id = decided(api, hands, lambda arm, seed: 0.8 + (seed if arm.startswith("alone") else 2 - seed) / 100)
    decision = show(api, study_id)["decision"]
    assert (decision["outcome"], decision["code"]) == ("no-go", "not_sure")
    refused = approve(api, study_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_go")
    assert "it may be luck" in refused.json()["detail"]
    assert approve(api, study_id, despite_no_go=True).status_code == 200


def test_of_two_who_approve_at_once_exactly_one_wins(api: Api, hands: Hands) -> None:
    study_id = decided(api, hands)
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda plan: approve(api, study_id, plan), ("quick", "thorough")))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    won = next(answer for answer in answers if answer.status_code == 200)
    lost = next(answer for answer in answers if answer.status_code == 409)
    assert lost.json()["code"] == "not_waiting"
    assert show(api, study_id)["stage"] == won.json()["stage"]
    assert did(api, study_id) == ["decided", "approved"]


def test_an_approval_of_another_version_or_of_what_does_not_wait_is_refused(
    api: Api, hands: Hands, truth: Truth
) -> None:
    study_id = begin(api)
    early = approve(api, study_id)
    assert (early.status_code, early.json()["code"]) == (409, "not_waiting")
    hands.play(study_id, helps)
    stale = api.post(f"/v1/studies/{study_id}/approve", json={"plan": "quick"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert faults(api.post(f"/v1/studies/{study_id}/approve", json={"plan": "huge"})) == {"/plan": "invalid_value"}
    reader = api.with_key(truth.key("jobs:read"))
    for verb in ("approve", "reject", "rollback", "retry"):
        body = {"json": {"plan": "quick"}} if verb == "approve" else {}
        assert reader.post(f"/v1/studies/{study_id}/{verb}", **body).status_code == 403
        stranger = api.with_key(truth.key(project="other"))
        assert stranger.post(f"/v1/studies/{study_id}/{verb}", **body).status_code == 404
    back = api.post(f"/v1/studies/{study_id}/rollback")
    assert (back.status_code, back.json()["code"]) == (409, "nothing_approved")
    comparison = api.post("/v1/studies", json={"name": "c", "base": PILOT["base"]}).json()["id"]
    assert approve(api, comparison).json()["code"] == "not_a_pilot"


def test_a_rejected_pilot_ends_and_keeps_what_it_measured(api: Api, hands: Hands) -> None:
    study_id = decided(api, hands)
    answer = api.post(f"/v1/studies/{study_id}/reject")
    assert (answer.status_code, answer.json()["status"], answer.json()["reason"]) == (200, "cancelled", "rejected")
    assert show(api, study_id)["decision"]["code"] == "gain"
    assert approve(api, study_id).status_code == 409
    other = decided(api, hands)
    assert api.post(f"/v1/studies/{other}/cancel").status_code == 202
    hands.look(other)
    assert show(api, other)["status"] == "cancelled"


def test_a_roll_back_cancels_the_plans_jobs_and_the_same_plan_goes_on_later(api: Api, hands: Hands) -> None:
    study_id = decided(api, hands)
    before = show(api, study_id)["decision"]
    approve(api, study_id)
    hands.look(study_id)
    lease, job = hands.claim()
    hands.succeed(lease, helps(job["study_arm"], job["study_seed"]))
    back = api.post(f"/v1/studies/{study_id}/rollback").json()
    assert (back["status"], back["waits_for"], back["stage"]) == ("waiting", "approval", "pilot")
    assert approve(api, study_id).json()["code"] == "still_cancelling"
    hands.look(study_id)
    assert hands.queued(study_id) == []
    found = show(api, study_id)
    assert (found["decision"], found["approval"], found["jobs"]["cancelled"]) == (before, None, 5)
    assert approve(api, study_id).status_code == 200
    hands.look(study_id)
    assert len(hands.queued(study_id)) == 5  # what had succeeded counts
    hands.play(study_id, helps)
    assert show(api, study_id)["status"] == "succeeded"
    assert did(api, study_id) == ["decided", "approved", "rolled_back", "approved", "ended"]
    actions = [one["action"] for one in api.get(f"/v1/audit_logs?target={study_id}").json()["data"]]
    assert actions.count("study.rollback") == 1


@pytest.mark.parametrize("had_one", [False, True])
def test_an_alias_that_the_plan_moved_goes_back_to_what_it_named(api: Api, hands: Hands, *, had_one: bool) -> None:
    keep_as = {"model": "digits-student", "alias": "champion"}
    if had_one:
        earlier = decided(api, hands, keep_as=keep_as)
        approve(api, earlier)
        hands.play(earlier, helps)
    study_id = decided(api, hands, keep_as=keep_as)
    approve(api, study_id)
    hands.play(study_id, helps)
    kept = show(api, study_id)["approval"]["kept"]
    model = api.get(f"/v1/models/{kept['model_id']}").json()
    assert model["name"] == "digits-student"
    assert model["aliases"] == {"champion": 2 if had_one else 1}
    best = api.get(f"/v1/jobs/{kept['job']}").json()
    assert (best["study_arm"], best["study_seed"]) == ("hinton (quick)", 5)
    assert api.post(f"/v1/studies/{study_id}/rollback").status_code == 200
    assert api.get(f"/v1/models/{kept['model_id']}").json()["aliases"] == ({"champion": 1} if had_one else {})
    assert show(api, study_id)["history"][-1]["alias"] == "champion"


def test_an_alias_that_somebody_moved_since_stays(api: Api, hands: Hands) -> None:
    study_id = decided(api, hands, keep_as={"model": "digits-student"})
    approve(api, study_id)
    hands.play(study_id, helps)
    kept = show(api, study_id)["approval"]["kept"]
    model = f"/v1/models/{kept['model_id']}"
    assert api.post(f"{model}/versions", json={"from_job": kept["job"]}).status_code == 201
    assert api.put(f"{model}/aliases/champion", json={"version": 2}).status_code == 200
    api.post(f"/v1/studies/{study_id}/rollback")
    assert api.get(model).json()["aliases"] == {"champion": 2}
    assert show(api, study_id)["history"][-1]["left"] == "somebody has moved it since"


def test_a_plan_beyond_the_studys_own_budget_cannot_be_approved(api: Api, hands: Hands) -> None:
    study_id = decided(api, hands, budget={"jobs_at_most": 14})
    refused = approve(api, study_id, "standard")
    assert (refused.status_code, refused.json()["code"]) == (409, "over_budget")
    assert "17, and 14 are allowed" in refused.json()["detail"]
    assert approve(api, study_id, "quick").status_code == 200


def test_a_pilot_whose_teacher_failed_is_a_no_go_and_a_retry_decides_anew(api: Api, hands: Hands) -> None:
    study_id = begin(api)
    hands.look(study_id)
    assert hands.fail()
    hands.play(study_id, helps)
    assert show(api, study_id)["decision"]["code"] == "too_few"
    again = api.post(f"/v1/studies/{study_id}/retry")
    assert (again.status_code, again.json()["status"], again.json()["outcome"]) == (200, "running", None)
    hands.play(study_id, helps)
    found = show(api, study_id)
    assert (found["status"], found["outcome"], found["jobs"]["succeeded"]) == ("waiting", "go", 7)
    assert did(api, study_id) == ["decided", "retried", "decided"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"share": {"data": 0.01}}, {"/share/data": "share_too_small"}),
        ({"share": {"data": 0.03}}, {"/share/data": "share_too_small"}),
        ({"share": {"data": 0}}, {"/share/data": "invalid_value"}),
        ({"share": {"epochs": 1.5}}, {"/share/epochs": "invalid_value"}),
        ({"threshold": 2}, {"/threshold": "out_of_range"}),
        ({"threshold": -0.1}, {"/threshold": "invalid_value"}),
        ({"seeds": 2}, {"/seeds": "too_few_seeds"}),
        ({"base": {**BASE, "teacher": None, "method": "student-alone"}, "seeds": 2}, {"/seeds", "/base/method"}),
        ({"base": {**BASE, "student": {"architecture": "resnt8"}}}, {"/base/student/architecture"}),
        ({"arms": []}, {"/arms": "unknown_field"}),
        ({"kind": "pilt"}, {"/kind": "unknown_kind"}),
    ],
)
def test_what_is_wrong_with_a_pilot_is_said_before_anything_runs(api: Api, changes: Any, expected: Any) -> None:
    found = faults(api.post("/v1/studies", json={**PILOT, **changes}))
    assert (found if isinstance(expected, dict) else set(found)) == expected
    assert api.get("/v1/jobs").json()["data"] == []


def test_the_jobs_of_a_study_that_failed_with_its_teacher_are_begun_again(api: Api, hands: Hands) -> None:
    arms = [{"name": "alone", "changes": {"method": "student-alone", "teacher": None}}, {"name": "hinton"}]
    study_id = api.post("/v1/studies", json={"name": "s", "base": BASE, "arms": arms, "seeds": 2}).json()["id"]
    hands.look(study_id)
    failed = hands.fail()
    hands.play(study_id, lambda arm, seed: 0.8)
    (alone, hinton) = api.get(f"/v1/studies/{study_id}/results").json()["arms"]
    assert (alone["status"], hinton["status"], show(api, study_id)["status"]) == ("done", "stopped", "succeeded")
    kept = [run["job_id"] for run in alone["runs"]]
    again = api.post(f"/v1/studies/{study_id}/retry").json()
    assert (again["status"], again["finished_at"], again["jobs"]["queued"]) == ("running", None, 1)
    hands.look(study_id)
    (job,) = hands.queued(study_id)
    assert (job["study_arm"], job["retry_of"]) == (TEACHER + "teacher", failed)
    hands.play(study_id, lambda arm, seed: 0.8)
    found = api.get(f"/v1/studies/{study_id}/results").json()
    assert found["complete"]
    assert [run["job_id"] for run in found["arms"][0]["runs"]] == kept
    nothing = api.post(f"/v1/studies/{study_id}/retry")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_to_retry")


def test_a_failed_row_is_begun_again_and_the_others_are_not_touched(api: Api, hands: Hands) -> None:
    base = {**BASE, "teacher": None, "method": "student-alone"}
    study_id = api.post("/v1/studies", json={"name": "s", "base": base, "seeds": 3}).json()["id"]
    hands.look(study_id)
    failed = hands.fail()
    hands.play(study_id, lambda arm, seed: 0.8)
    before = {run["seed"]: run["job_id"] for run in runs(api, study_id)}
    assert api.delete(f"/v1/jobs/{failed}").status_code == 204
    api.post(f"/v1/studies/{study_id}/retry")
    hands.play(study_id, lambda arm, seed: 0.9)
    after = {run["seed"]: run["score"] for run in runs(api, study_id)}
    lost = next(seed for seed, job in before.items() if job == failed)
    assert after == {seed: 0.9 if seed == lost else 0.8 for seed in before}


def runs(api: Api, study_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/v1/studies/{study_id}/results").json()["arms"][0]["runs"]
    return found


def test_teachers_are_ranked_by_how_well_the_same_student_learns_from_each(api: Api, hands: Hands) -> None:
    bare = {name: part for name, part in BASE.items() if name != "teacher"}
    teachers = [{"architecture": name, "train": {"epochs": 1}} for name in ("resnet20", "resnet56")]
    ranking = {"name": "r", "kind": "teacher-ranking", "base": bare, "teachers": teachers}
    study_id = api.post("/v1/studies", json=ranking).json()["id"]
    hands.play(study_id, lambda arm, seed: 0.9 + seed / 1000 if arm == "resnet20" else 0.85 + seed / 500)
    found = api.get(f"/v1/studies/{study_id}/results").json()
    answer = found["ranking"]
    assert (answer["code"], answer["best"], answer["largest"]) == ("best", "resnet20", "resnet56")
    assert answer["largest_is_best"] is False
    assert answer["answer"].endswith("the largest teacher, resnet56, is not the best")
    assert [(one["name"], one["place"], one["tie"]) for one in answer["teachers"]] == [
        ("resnet20", 1, None), ("resnet56", 2, False),
    ]  # fmt: skip
    one = faults(api.post("/v1/studies", json={**ranking, "teachers": teachers[:1]}))
    assert one == {"/teachers": "too_few_teachers"}
    twice = faults(api.post("/v1/studies", json={**ranking, "teachers": [teachers[0], teachers[0]]}))
    assert twice == {"/teachers/1/name": "same_name"}
    wrong = [*teachers[:1], {"architecture": "resnt56", "train": {"epochs": 1}}]
    assert set(faults(api.post("/v1/studies", json={**ranking, "teachers": wrong}))) == {"/teachers/1/architecture"}


def test_an_unknown_reference_and_an_unknown_method_are_told_together(api: Api) -> None:
    wrong = {"name": "s", "base": {**BASE, "method": "hnton"}, "reference": "nobody"}
    assert faults(api.post("/v1/studies", json=wrong)) == {
        "/reference": "unknown_arm",
        "/base/method": "unknown_method",
    }


def test_a_method_whose_features_do_harm_is_a_no_go_by_the_engines_guard(
    api: Api, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = {"kind": "harm_guard", "run": "distil", "harmful": True, "matched": 0.5, "unmatched": 0.6, "epoch": 1}
    told = {"diagnostics": {"findings": [finding]}}
    monkeypatch.setattr("leading.result", lambda score: result(score) | told)
    decision = show(api, decided(api, hands, base={**BASE, "method": "at"}))["decision"]
    assert (decision["outcome"], decision["code"], decision["guard"]) == ("no-go", "guard", {"looked": 3, "harmful": 3})
    assert "in 3 of 3 runs the student was behind its twin" in decision["reason"]
