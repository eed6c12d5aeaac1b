"""The papers' studies: every spec can be asked, every page is what its results say, and a verdict follows from them."""

import json
from pathlib import Path

import pytest
import yaml

from kdcore.spec import parse_spec, plan
from kdcore.spec.studies.expanding import expanded
from kdcore.spec.studies.extras import extras
from kdcore.spec.studies.findings import Results, checked, to_reach
from kdcore.spec.studies.pages import pages, write
from kdcore.spec.studies.papers import FIVE, PAPERS, Check
from kdcore.spec.studies.plan import job_document, plan_study
from kdcore.spec.studies.spec import parse_study

ROOT = Path(__file__).parents[4]
SPECS, PAGES = ROOT / "distillery" / "studies", ROOT / "docs" / "studies"
NAMES = sorted(path.stem for path in SPECS.glob("*.yaml"))
COMMITTED = sorted(path.stem for path in PAGES.glob("*.json"))
CHECKS = [check for paper in PAPERS for check in paper.checks]


def study(name):
    return parse_study(yaml.safe_load((SPECS / f"{name}.yaml").read_text(encoding="utf-8")))


def trial(arm, seed, score, **further):
    return {
        "arm": arm, "seed": seed, "status": "succeeded", "score": score, "metrics": {}, "parameters": 10, "steps": 5,
        "validation": [score], "readings": {}, "diagnostics": {"angles": None, "trails": {}, "findings": []},
        "processor_seconds": {"prepare": 1.0, "distil": 2.0, "evaluate": 1.0}, **further,
    }  # fmt: skip


def document(runs, arms=("alone", "taught"), reference="alone"):
    return {
        "study": {"name": "small", "base": {"dataset": {"name": "digits"}}},
        "metric": {"name": "accuracy", "title": "accuracy", "unit": "%", "higher_is_better": True},
        "reference": reference,
        "arms": [{"name": name, "student": "resnet8", "apart": []} for name in arms],
        "teachers": [],
        "runs": runs,
    }  # fmt: skip


def scores(by_arm):
    return Results(document([trial(arm, seed, s) for arm, of in by_arm.items() for seed, s in enumerate(of)], by_arm))


def verdict(first, second, **options):
    found = checked([Check("it helps", "small", "first", "second", **options)], {"small": scores(
        {"first": first, "second": second}
    )})  # fmt: skip
    return found[0].verdict


@pytest.mark.parametrize("name", NAMES)
def test_every_arm_of_a_study_is_a_job_that_can_be_asked(name):
    arms = expanded(study(name))
    assert {parse_spec(job_document(arm.spec, name=name)).name for arm in arms} == {name}


@pytest.mark.parametrize("name", [name for name in NAMES if "name" in study(name).base["dataset"]])
def test_studies_of_built_in_datasets_can_be_planned_within_the_jobs_that_they_allow(name):
    planned = plan_study(study(name), lambda spec: plan(parse_spec(spec)))
    assert planned.jobs <= planned.budget.jobs_at_most
    assert not any(arm.apart for arm in planned.arms)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("-full")])
def test_every_study_has_a_full_form_with_the_same_question_and_as_many_arms(name):
    standard, full = study(name), study(f"{name}-full")
    assert full.question == standard.question
    assert len(full.arms) == len(standard.arms)


@pytest.mark.parametrize("name", NAMES)
def test_every_study_asks_for_at_least_five_seeds(name):
    assert len(study(name).seed_list) >= 5


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_every_claim_is_about_arms_that_its_study_has(paper):
    for check in paper.checks:
        assert check.study in paper.studies
        assert {check.first, check.second} <= {arm.name for arm in study(check.study).arms}


def test_no_claim_is_made_twice():
    assert len({check.claim for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_results_are_those_of_the_study_as_it_is_shipped(name):
    found = json.loads((PAGES / f"{name}.json").read_text(encoding="utf-8"))
    assert found["study"] == study(name).model_dump(mode="json", exclude_unset=True), "run the study again"
    assert {run["arm"] for run in found["runs"]} <= {arm.name for arm in study(name).arms}


def test_the_pages_in_the_repository_are_up_to_date():
    there = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")}
    assert there == pages(PAGES), "run `make pages`"


def test_a_page_is_written_from_results_and_goes_with_them(tmp_path):
    arms = [arm.name for arm in study("five-at-once").arms]
    found = document([trial(arm, seed, 0.5 + 0.01 * seed) for arm in arms for seed in range(3)], arms, "all five")
    found["study"]["name"] = "five-at-once"
    (tmp_path / "five-at-once.json").write_text(json.dumps(found))
    write(tmp_path)
    page = (tmp_path / "five-at-once.md").read_text(encoding="utf-8")
    assert "51.0 (48.5 to 53.5)" in page
    assert "3 seeds: 0, 1, 2" in page
    assert f"[{FIVE.title}]" in (tmp_path / "README.md").read_text(encoding="utf-8")
    (tmp_path / "five-at-once.json").unlink()
    write(tmp_path)
    assert not (tmp_path / "five-at-once.md").exists()


def test_a_claim_holds_only_where_the_difference_is_beyond_chance():
    assert verdict([0.80, 0.82, 0.81, 0.83], [0.70, 0.71, 0.72, 0.72]) == "agrees"
    assert verdict([0.70, 0.71, 0.72, 0.72], [0.80, 0.82, 0.81, 0.83]) == "disagrees"
    assert verdict([0.80, 0.60, 0.81, 0.70], [0.70, 0.71, 0.72, 0.72]) == "not shown"


def test_alike_arms_are_told_apart_only_by_a_sure_difference():
    assert verdict([0.80, 0.82, 0.81, 0.83], [0.70, 0.71, 0.72, 0.72], alike=True) == "disagrees"
    assert verdict([0.80, 0.60, 0.81, 0.70], [0.70, 0.71, 0.72, 0.72], alike=True) == "no difference shown"


def test_two_seeds_decide_nothing():
    assert verdict([0.9, 0.9], [0.1, 0.2]) == "not run"


def test_claims_of_a_page_are_corrected_together():
    claims = [Check(f"claim {at}", "small", "first", "second") for at in range(4)]
    results = {"small": scores({"first": [0.8, 0.82, 0.81], "second": [0.7, 0.74, 0.72]})}
    alone, together = checked(claims[:1], results)[0], checked(claims, results)[0]
    assert together.p_value == pytest.approx(4 * alone.p_value)


def test_a_failed_trial_is_told_and_leaves_its_seed_out_of_every_pair(tmp_path):
    runs = [trial(arm, seed, 0.5) for arm in ("alone", "all five") for seed in range(4)]
    runs[-1] = {"arm": "all five", "seed": 3, "status": "failed", "error": "the loss became NaN"}
    found = document(runs, ("alone", "all five"))
    assert {arm.name: arm.score.n for arm in Results(found).table()} == {"alone": 4, "all five": 3}
    assert Results(found).table()[1].against.n == 3
    (tmp_path / "five-at-once.json").write_text(json.dumps(found))
    assert "all five, seed 3: the loss became NaN" in pages(tmp_path)["five-at-once.md"]


def test_training_costs_what_is_between_preparation_and_evaluation():
    arm = scores({"alone": [0.5, 0.5]}).table()[0]
    assert (arm.seconds.mean, arm.step_ms) == (2.0, 400.0)


def test_time_to_a_score_is_that_of_the_first_epoch_that_has_it():
    runs = [trial("alone", 0, 0.9, validation=[0.2, 0.6, 0.5, 0.7]), trial("alone", 1, 0.9, validation=[0.2, 0.3])]
    assert to_reach(runs, 0.6) == [1.0, None]


def test_readings_and_angles_are_shown_where_there_are_any():
    angles = {"space": "as is", "layers": [{"acute": 1.0, "mean": 0.5}, {"acute": 0.5, "mean": 0.1}]}
    told = {"readings": {"cosine": -0.1, "cosine below 0": 0.25}, "diagnostics": {"angles": angles, "trails": {}}}
    found = Results(document([trial("alone", 0, 0.5), trial("taught", 0, 0.6, **told)]))
    shown = "\n".join(extras(("angles", "conflict", "paths", "texts", "time"), found))
    assert "| taught | 75.0 | 0.30 |" in shown
    assert "| taught | 25.0 |" in shown
    assert "BLEU" not in shown
