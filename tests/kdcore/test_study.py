"""``python -m kdcore.study``: a study in one process, as a user starts it."""

import json

import pytest
import yaml

from kdcore.study import main

STUDY = {
    "name": "small",
    "base": {
        "dataset": {"name": "digits", "limit": 200},
        "teacher": {"architecture": "resnet8", "train": {"epochs": 1}},
        "student": {"architecture": "resnet8", "width": 0.25},
        "training": {"epochs": 1, "batch_size": 64, "precision": "float32", "memory_format": "contiguous"},
        "resources": {"device": "cpu", "threads": 1},
    },
    "arms": [
        {"name": "alone", "changes": {"method": {"preset": "student-alone"}}},
        {"name": "hinton"},
    ],
    "seeds": [3, 4],
}  # fmt: skip


@pytest.fixture
def ask(tmp_path):
    def asked(study):
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
        places = ["--results", str(tmp_path / "found.json"), "--workdir", str(tmp_path / "work")]
        code = main([str(tmp_path / "study.yaml"), *places])
        path = tmp_path / "found.json"
        return code, json.loads(path.read_text()) if path.exists() else None

    return asked


@pytest.mark.slow
def test_a_study_shares_its_teacher_and_goes_on_where_it_stopped(ask):
    code, found = ask(STUDY | {"seeds": [3]})
    assert code == 0
    assert [(run["arm"], run["seed"]) for run in found["runs"]] == [("alone", 3), ("hinton", 3)]
    assert [run["teacher"] for run in found["teachers"]] == ["teacher"]
    assert all(0 < run["score"] < 1 and run["steps"] == 3 for run in found["runs"])
    code, more = ask(STUDY)
    assert code == 0
    assert more["teachers"] == found["teachers"]
    assert more["runs"][:2] == found["runs"]
    assert {(run["arm"], run["seed"]) for run in more["runs"][2:]} == {("alone", 4), ("hinton", 4)}


@pytest.mark.slow
def test_a_trial_that_fails_is_told_and_the_others_go_on(ask):
    wild = {"name": "wild", "changes": {"training": {"epochs": 20, "optimizer": {"name": "sgd", "lr": 100}}}}
    code, found = ask(STUDY | {"seeds": [3], "arms": [wild, *STUDY["arms"]]})
    assert code == 1
    assert {run["arm"]: run["status"] for run in found["runs"]} == {
        "wild": "failed",
        "alone": "succeeded",
        "hinton": "succeeded",
    }
    assert "NaN" in next(run["error"] for run in found["runs"] if run["arm"] == "wild")


@pytest.mark.slow
def test_equal_seeds_give_equal_scores(ask, tmp_path):
    _, first = ask(STUDY | {"seeds": [3]})
    (tmp_path / "found.json").unlink()
    _, second = ask(STUDY | {"seeds": [3]})
    assert [run["metrics"] for run in first["runs"]] == [run["metrics"] for run in second["runs"]]


def test_a_study_that_cannot_be_asked_ends_before_anything_runs(ask, capsys):
    code, found = ask(STUDY | {"reference": "nobody"})
    assert (code, found) == (2, None)
    assert "no arm is called 'nobody'" in " ".join(capsys.readouterr().err.split())


def test_a_search_is_refused_with_where_it_runs(ask, capsys):
    over = {"/training/optimizer/lr": {"low": 0.001, "high": 0.1, "log": True}}
    assert ask({**STUDY, "arms": [], "search": {"over": over}}) == (2, None)
    assert "/search: a search runs in the service" in " ".join(capsys.readouterr().err.split())
