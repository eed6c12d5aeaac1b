"""A re-evaluation on a trained student: what has not changed is steady, what has drifted is said, and by how much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from reevaluating import again, finished, inverted, noisy, split

from kdcore import EngineError, Stopped, reevaluation
from kdcore.data.examples import Examples
from kdcore.reevaluation import running
from kdcore.reevaluation.given import unknown
from kdcore.spec import Plan

pytestmark = pytest.mark.slow
Job = tuple[Plan, dict[str, Any], Path]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A student of digits."""
    return finished(tmp_path_factory.mktemp("job"), training={"epochs": 4, "batch_size": 32})


def measured(folder: Path, plan: dict[str, Any], stop: str | None = None) -> dict[str, Any]:
    """The document of a re-evaluation."""
    records: list[dict[str, Any]] = []
    reevaluation.run(plan, folder, records.append, stop=lambda: stop)
    assert [one["phase"] for one in records if one["type"] == "phase"] == ["prepare", "evaluate"]
    assert records[-1]["type"] == "result"
    found: dict[str, Any] = records[-1]["result"]
    return found


def test_the_student_s_own_test_split_is_steady_and_has_the_figures_of_the_job(job: Job, tmp_path: Path) -> None:
    plan, figures, student = job
    found = measured(tmp_path, again(tmp_path, plan, student, split("test")))
    assert found["drift"]["outcome"] == "steady"
    assert found["drift"]["given"]["ratio"]["mmd"] < 1
    assert found["before"]["score"] == found["now"]["score"] == pytest.approx(figures["score"])
    assert found["change"]["score"] == 0
    low, high = found["change"]["interval"]
    assert low < 0 < high
    assert found["change"]["worst"] == []
    assert found["now"]["calibration_error"] is not None
    assert found["dataset"]["examples"] == found["dataset"]["given"] == found["now"]["examples"]


def test_inverted_pictures_have_drifted_and_every_class_that_lost_is_named(job: Job, tmp_path: Path) -> None:
    plan, _, student = job
    found = measured(tmp_path, again(tmp_path, plan, student, split("test"), inverted))
    assert found["drift"]["outcome"] == "drifted"
    assert min(found["drift"]["given"]["ratio"].values()) > 5
    assert max(found["drift"]["own"]["ratio"].values()) < 1
    assert found["drift"]["given"]["p_value"] < 0.01
    assert found["change"]["interval"][1] < -0.5
    lost = [part["name"] for part in found["change"]["parts"] if part["notable"]]
    assert set(found["change"]["worst"]) <= set(lost)
    assert len(found["change"]["worst"]) > 5


def test_the_threshold_decides_in_multiples_of_the_floor(job: Job, tmp_path: Path) -> None:
    plan, _, student = job
    first = tmp_path / "first"
    found = measured(first, again(first, plan, student, split("test"), noisy, distance="w2", threshold=1e6))["drift"]
    ratio = found["given"]["distances"]["w2"] / found["given"]["floor"]["w2"]
    assert (found["outcome"], found["given"]["ratio"]["w2"]) == ("steady", pytest.approx(ratio))
    second = tmp_path / "second"
    plan_ = again(second, plan, student, split("test"), noisy, distance="w2", threshold=0.99 * ratio)
    assert measured(second, plan_)["drift"]["outcome"] == "drifted"


def test_where_the_own_test_split_is_far_away_the_threshold_counts_from_there(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, _, student = job
    workshop_of = running.workshop_of

    def with_noisy_test(*told: Any) -> Any:
        shop = workshop_of(*told)
        test = shop.data.open_test()
        shop.data._test = Examples(torch.from_numpy(noisy(test.inputs.numpy())), test.targets)
        return shop

    monkeypatch.setattr(running, "workshop_of", with_noisy_test)
    found = measured(tmp_path, again(tmp_path, plan, student, split("test"), noisy))["drift"]
    own, given = found["own"]["ratio"]["mmd"], found["given"]["ratio"]["mmd"]
    assert own == pytest.approx(given, rel=0.5)
    assert given > found["threshold"]
    assert (found["outcome"], found["limit"]) == ("steady", found["threshold"] * own)


def test_of_a_later_version_only_what_the_student_did_not_learn_from_is_measured(job: Job, tmp_path: Path) -> None:
    plan, _, student = job
    train, validation, test = (split(name) for name in ("train", "validation", "test"))
    every = [train, validation, test]
    whole = Examples(torch.cat([one.inputs for one in every]), torch.cat([one.targets for one in every]))
    found = measured(tmp_path / "grown", again(tmp_path / "grown", plan, student, whole, grown=True))
    twins = len(unknown(test.inputs, [train.inputs, validation.inputs]))
    assert found["dataset"]["examples"] == len(test) == twins
    assert found["dataset"]["known"] == len(train) + len(validation)
    assert found["now"]["score"] == found["before"]["score"]
    nothing = measured(tmp_path / "old", again(tmp_path / "old", plan, student, train, grown=True))
    assert (nothing["drift"]["outcome"], nothing["now"], nothing["change"]) == ("unknown", None, None)
    assert "learnt from all" in nothing["drift"]["reason"]


def test_each_known_example_accounts_for_one_given_one() -> None:
    given = torch.tensor([[1], [1], [2], [3]])
    assert unknown(given, [torch.tensor([[1]]), torch.tensor([[2], [2]])]).tolist() == [1, 3]


def test_three_examples_are_measured_though_their_drift_cannot_be_told(job: Job, tmp_path: Path) -> None:
    plan, _, student = job
    few = split("test").take(torch.arange(3))
    found = measured(tmp_path, again(tmp_path, plan, student, few))
    assert found["drift"]["outcome"] == "unknown"
    assert "at least 4 examples" in found["drift"]["reason"]
    assert found["now"]["examples"] == 3


def test_a_stop_is_obeyed_and_other_files_than_planned_are_refused(job: Job, tmp_path: Path) -> None:
    plan, _, student = job
    asked = again(tmp_path, plan, student, split("test"))
    with pytest.raises(Stopped):
        measured(tmp_path, asked, stop="cancel")
    asked["dataset"]["sha256"] = "0" * 64
    with pytest.raises(EngineError, match="not those"):
        measured(tmp_path, asked)
    with pytest.raises(EngineError, match="cannot read the plan"):
        measured(tmp_path, {**asked, "drift": {"distance": "nearness"}})
