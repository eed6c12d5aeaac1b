"""A spec becomes a plan without torch, or is refused with the field, the value and the remedy."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from kdcore.spec import JobSpec, Plan, SpecError, method_info, methods, parse_spec, plan
from kdcore.spec.estimate import MACS_PER_SECOND
from kdcore.spec.objective import Ramp

SHIPPED = Path(__file__).parents[3] / "distillery" / "examples"
BASE = {
    "name": "digits-fitnet",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 12}},
    "student": {"architecture": "resnet8", "width": 0.5},
    "method": "fitnet",
    "training": {"epochs": 20, "batch_size": 64},
}


def spec(**changes):
    """The base spec; ``student__width=2`` changes a nested field, None removes one."""
    data = copy.deepcopy(BASE)
    for path, value in changes.items():
        *parents, last = path.split("__")
        part = data
        for name in parents:
            part = part.setdefault(name, {})
        if value is None:
            part.pop(last, None)
        else:
            part[last] = value
    return data


def planned(**changes):
    return plan(parse_spec(spec(**changes)))


def problems(**changes):
    with pytest.raises(SpecError) as caught:
        planned(**changes)
    return {problem.pointer: problem for problem in caught.value.problems}


def only_problem(**changes):
    found = problems(**changes)
    assert len(found) == 1, found
    return next(iter(found.items()))


def test_planning_imports_no_torch():
    code = (
        "import json, sys; from kdcore.spec import parse_spec, plan; import kdcore;"
        f"plan(parse_spec(json.loads({json.dumps(json.dumps(BASE))})));"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_plan_survives_json():
    first = planned()
    assert Plan.model_validate(json.loads(json.dumps(first.document()))) == first


def test_a_spec_inside_a_plan_gives_the_same_plan_again():
    first = planned(method={"preset": "fitnet", "temperature": 5})
    assert plan(parse_spec(first.document()["spec"])) == first


def test_a_preset_expands_to_exactly_what_can_be_written_out():
    stages = [
        {
            "name": "distil",
            "epochs": 20,
            "terms": [
                {"from": "labels", "distance": "cross_entropy", "weight": 0.1},
                {"distance": {"kind": "kl", "temperature": 4}, "weight": 0.9},
            ],
        }
    ]
    preset, written = planned(method="hinton"), planned(method={"stages": stages})
    assert preset.run("distil").stages == written.run("distil").stages


def test_fitnet_has_a_hint_stage_up_to_the_guided_layer_and_then_a_distillation_stage():
    hint, distil = planned().run("distil").stages
    assert (hint.epochs, distil.epochs) == (6, 14)
    assert hint.upto == hint.terms[0].pairs[0].to
    assert distil.upto is None
    assert distil.terms[1].weight == Ramp(start=4, to=1, over=14)


def test_the_runs_are_teacher_student_alone_and_distillation_with_equal_student_budgets():
    runs = {run.name: run for run in planned().runs}
    assert list(runs) == ["teacher", "alone", "distil"]
    assert runs["alone"].steps == runs["distil"].steps == 20 * (1294 // 64)
    assert runs["alone"].training == runs["distil"].training
    assert runs["distil"].needs == ("teacher",)


def test_without_a_baseline_the_student_is_not_trained_alone():
    assert [run.name for run in planned(baseline=False).runs] == ["teacher", "distil"]


def test_student_alone_needs_no_teacher_and_runs_once():
    assert [run.name for run in planned(method="student-alone", teacher=None).runs] == ["distil"]


def test_with_few_labels_the_student_alone_draws_from_the_labelled_pictures_for_as_many_steps():
    runs = {run.name: run for run in planned(student__labels=144).runs}
    assert (runs["alone"].sample, runs["distil"].sample, runs["teacher"].sample) == ("labelled", "all", "all")
    assert runs["alone"].steps == runs["distil"].steps
    assert runs["teacher"].labels is None


def test_splits_have_train_validation_and_test():
    counts = planned().dataset.counts
    assert (counts.train, counts.validation, counts.test) == (1294, 144, 359)


def test_points_are_named_by_their_module_paths_with_known_shapes():
    pair = planned().run("distil").stages[0].terms[0].pairs[0]
    assert pair.to_shape is not None
    assert pair.source_shape is not None
    assert pair.to != "middle"


def test_features_of_networks_of_different_depth_are_matched_forward():
    term = {"points": "features", "distance": "mse", "weight": 1}
    found = planned(method={"stages": [{"name": "a", "epochs": 20, "terms": [term]}]})
    pairs = found.run("distil").stages[0].terms[0].pairs
    assert len(pairs) == 3
    assert len({pair.source for pair in pairs}) == 3


def test_two_terms_of_one_kind_have_different_names():
    terms = [{"distance": {"kind": "kl", "temperature": t}} for t in (1, 4)]
    found = planned(method={"stages": [{"name": "a", "epochs": 20, "terms": terms}]})
    assert [term.name for term in found.run("distil").stages[0].terms] == ["kl", "kl-2"]


def test_a_student_as_large_as_its_teacher_is_a_warning():
    found = planned(student__architecture="resnet56", student__width=1)
    assert [warning.code for warning in found.warnings] == ["student_not_smaller"]


def test_a_teacher_that_nobody_listens_to_is_a_warning():
    assert [warning.code for warning in planned(method="student-alone").warnings] == ["teacher_unused"]


def test_the_estimate_says_what_it_assumes():
    estimate = planned().estimate
    assert estimate.train_seconds > 0
    assert "multiply-adds a second" in estimate.assumes


def test_kept_outputs_are_estimated_as_one_pass_of_the_teacher_over_every_view():
    asked, kept = (
        planned(training={"epochs": 20, "cache": {"mode": mode}, "augment": {"flip": True, "views": 3}})
        for mode in ("off", "on")
    )
    teacher, distil = asked.networks["teacher"].macs, asked.run("distil")
    saved = distil.steps * distil.training.batch_size - 3 * asked.dataset.counts.train
    difference = asked.estimate.train_seconds - kept.estimate.train_seconds
    assert difference == pytest.approx(saved * teacher / MACS_PER_SECOND["cpu"], abs=0.2)


@pytest.mark.parametrize(
    ("changes", "pointer", "words"),
    [
        ({"student__widht": 1}, "/student/widht", "unknown field 'widht'; nearest: width"),
        ({"method": "fitnets"}, "/method", "no method 'fitnets'; nearest: fitnet"),
        ({"student__architecture": "resnet9"}, "/student/architecture", "no architecture 'resnet9'; nearest: "),
        ({"dataset__name": "digit"}, "/dataset/name", "no dataset 'digit'; nearest: digits"),
        ({"method": {"preset": "fitnet", "hint": "stages.9"}}, "/method/hint", "no layer 'stages.9'; nearest: stages"),
        ({"method": {"preset": "fitnet", "tau": 3}}, "/method/tau", "unknown field 'tau'"),
        ({"method": {"preset": "fitnet", "temperature": 0}}, "/method/temperature", "greater than 0 (got 0)"),
        ({"teacher__classes": 100}, "/teacher/classes", "100 classes, but dataset 'digits' has 10"),
        ({"training__epochs": 0}, "/training/epochs", "greater than or equal to 1 (got 0)"),
        ({"training__epochs": 1}, "/training/epochs", "has 2 stages"),
        ({"training__batch_size": -5}, "/training/batch_size", "greater than or equal to 2 (got -5)"),
        ({"training__batch_size": 5000}, "/training/batch_size", "larger than the 1294 training examples"),
        ({"training__optimizer": {"lr": float("nan")}}, "/training/optimizer/lr", "finite number"),
        ({"teacher__train": None}, "/teacher/train", "add train: {epochs: ...}"),
        ({"teacher": None}, "/teacher", "method 'fitnet' listens to a teacher: name one"),
        ({"dataset__path": "/etc"}, "/dataset/path", "paths are for 'python -m kdcore' only"),
        ({"teacher__weights": "t.pt"}, "/teacher/weights", "paths are for"),
        ({"student__labels": 5}, "/student/labels", "between the 10 classes and the 1294"),
        (
            {"student": {"architecture": "torchvision/alexnet"}},
            "/student/architecture",
            "needs pictures of",
        ),
        ({"deliver": ["onnx", "gguf"]}, "/deliver/1", "'torch-export' or 'huggingface' (got 'gguf')"),
        ({"name": ""}, "/name", "at least 1 character"),
        ({"method": {"preset": "fitnet", "options": 5, "x": 1}}, "/method/options", "valid dictionary (got 5)"),
    ],
)
def test_a_fault_is_named_with_its_field_its_value_and_the_remedy(changes, pointer, words):
    at, problem = next(iter(problems(**changes).items()))
    assert at == pointer
    assert words in problem.message


def objective(**term):
    return {"stages": [{"name": "a", "epochs": 20, "terms": [{"distance": "kl", **term}]}]}


@pytest.mark.parametrize(
    ("method", "pointer", "words"),
    [
        (objective(distance="kll"), "/method/stages/0/terms/0/distance", "no distance 'kll'; nearest: kl"),
        (
            objective(distance={"kind": "kl", "temperature": -1}),
            "/method/stages/0/terms/0/distance/temperature",
            "greater than 0 (got -1)",
        ),
        (objective(weight=-1), "/method/stages/0/terms/0/weight", "greater than or equal to 0 (got -1)"),
        (objective(**{"from": "labels"}), "/method/stages/0/terms/0/from", "needs a network"),
        (objective(**{"from": "assistant"}), "/method/stages/0/terms/0/from", "no network 'assistant'"),
        (objective(adapter="linear"), "/method/stages/0/terms/0/adapter", "takes no adapter"),
        (
            objective(distance="mse", points="middle", adapter="none"),
            "/method/stages/0/terms/0/adapter",
            "use adapter: auto",
        ),
        (objective(distance="mse", points="stages.1.x"), "/method/stages/0/terms/0/points", "no layer 'stages.1.x'"),
        (
            {"stages": [{"name": "a", "epochs": 3, "terms": [{"distance": "kl"}]}]},
            "/training/epochs",
            "sum to 3, training.epochs is 20",
        ),
        (
            {"stages": [{"name": "a", "epochs": 20, "trains": "student.upto(x)", "terms": [{"distance": "kl"}]}]},
            "/method/stages/0/trains",
            "no layer 'x'",
        ),
    ],
)
def test_a_fault_in_an_objective_is_pointed_at(method, pointer, words):
    at, problem = only_problem(method=method)
    assert at == pointer
    assert words in problem.message


def test_every_fault_is_found_at_once():
    assert set(problems(student__architecture="resnet9", teacher__architecture="resnetx")) == {
        "/student/architecture",
        "/teacher/architecture",
    }


NETWORKS = {
    "convolutional": {},
    "transformer": {"teacher__architecture": "vit-4", "student__architecture": "vit-2"},
}


@pytest.mark.parametrize("info", methods(), ids=lambda info: info.name)
def test_every_preset_plans_with_its_defaults_on_its_kinds_of_networks_and_is_documented(info):
    for kind in NETWORKS.keys() & set(info.kinds):  # generators and detectors have tests of their own
        assert planned(method=info.name, **NETWORKS[kind]).method == info.name
    assert info.summary
    assert any("L(student)" in line or "L(reused)" in line for line in info.formula)
    schema = method_info(info.name).options_schema["properties"]
    assert {name for name, field in schema.items() if not field.get("writeOnly")} >= set(info.defaults)


@pytest.mark.parametrize(
    "info", [one for one in methods() if len(one.kinds) == 1 and one.kinds[0] in NETWORKS], ids=lambda info: info.name
)
def test_a_preset_for_one_kind_of_networks_is_refused_for_the_other_with_a_reason(info):
    other = "transformer" if "convolutional" in info.kinds else "convolutional"
    found = problems(method=info.name, **NETWORKS[other])
    assert all(problem.message for problem in found.values())


STAGE = {"name": "a", "epochs": 20}
EXAMPLES = [
    BASE,
    spec(method={"preset": "hinton", "temperature": 3}),
    spec(method={"stages": [{"name": "a", "epochs": 20, "terms": [{"distance": {"kind": "kl", "temperature": 2}}]}]}),
    spec(
        method={"stages": [{"name": "a", "epochs": 20, "terms": [{"distance": "kl", "weight": {"from": 1, "to": 0}}]}]}
    ),
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_published_schema_accepts_what_the_validator_accepts(example):
    jsonschema.validate(example, JobSpec.model_json_schema())
    parse_spec(example)


@pytest.mark.parametrize("wrong", [{**BASE, "epochs": 3}, spec(student__widht=1), spec(training__epochs="many")])
def test_the_published_schema_refuses_what_the_validator_refuses(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, JobSpec.model_json_schema())
    with pytest.raises(SpecError):
        parse_spec(wrong)


def test_a_name_of_a_megabyte_is_refused_quickly():
    assert problems(student__architecture="x" * 1_000_000)["/student/architecture"].code == "invalid_value"


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_becomes_a_plan_with_nothing_to_warn_of(path):
    assert plan(parse_spec(yaml.safe_load(path.read_text()))).warnings == ()


def test_the_example_of_few_labels_lets_the_teacher_alone_see_all_of_them():
    found = plan(parse_spec(yaml.safe_load((SHIPPED / "digits-low-label.yaml").read_text())))
    assert {run.name: (run.labels, run.sample) for run in found.runs} == {
        "teacher": (None, "all"),
        "alone": (144, "labelled"),
        "distil": (144, "all"),
    }
