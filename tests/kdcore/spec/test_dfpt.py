"""DFPT-KD's presets are six visible terms between labels, teacher, prompted path and student."""

import pytest

from kdcore.spec import parse_spec, plan
from kdcore.spec.objective import Ramp
from kdcore.spec.presets import PRESETS, expand_preset
from kdcore.spec.rooms import piece_options


def said(term):
    return (term.to, *term.source, term.distance.kind)


@pytest.mark.parametrize("name", ["dfpt-kd", "dfpt-kd-plus", "dfpt-kd-outputs"])
def test_a_preset_is_the_six_terms_of_two_learners(name):
    method = expand_preset(name, {"temperature": 2}, 12)
    (stage,) = method.stages
    assert [said(term) for term in stage.terms] == [
        ("student", "labels", "cross_entropy"),
        ("student", "teacher", "kl"),
        ("student", "prompted", "kl"),
        ("prompted", "labels", "cross_entropy"),
        ("prompted", "teacher", "kl"),
        ("prompted", "student", "kl"),
    ]
    assert {term.distance.options["temperature"] for term in stage.terms if term.distance.kind == "kl"} == {2}
    path = method.networks["prompted"]
    assert (path.of, path.path) == ("teacher", "outputs" if name.endswith("outputs") else "prompts")


@pytest.mark.parametrize(("epochs", "span"), [(240, 20), (12, 3), (1, 0.25)])
def test_the_student_listens_to_the_prompted_path_after_a_head_start(epochs, span):
    weight = expand_preset("dfpt-kd", {"student_from_prompted": 0.5}, epochs).stages[0].terms[2].weight
    assert weight == Ramp(start=0, to=0.5, over=span)


def test_without_a_warm_up_the_weight_is_constant():
    assert expand_preset("dfpt-kd", {"warmup_epochs": 0}, 12).stages[0].terms[2].weight == 1


def test_weights_reach_their_terms():
    weights = {"student_from_teacher": 2, "prompted_from_teacher": 3, "prompted_from_student": 4}
    terms = expand_preset("dfpt-kd", weights, 12).stages[0].terms
    assert [term.weight for term in terms if not isinstance(term.weight, Ramp)] == [1, 2, 1, 3, 4]


def test_block_options_reach_the_path_and_only_the_plus_tunes():
    options = {"blocks": "small", "kernels": [7], "fusion": False}
    path = expand_preset("dfpt-kd", options, 12).networks["prompted"]
    assert path.options == {"blocks": "small", "kernels": [7], "fusion": False, "order": "parallel"}
    plus = expand_preset("dfpt-kd-plus", {**options, "tune_rate": 0.5}, 12).networks["prompted"]
    assert plus.options == {**path.options, "tune": True, "tune_rate": 0.5}
    assert piece_options("path", "prompts", plus.options).tune
    assert "tune" not in PRESETS["dfpt-kd"].options.model_fields


def test_a_plan_puts_prompts_at_the_stage_ends_and_both_networks_learn():
    spec = {
        "name": "dual",
        "dataset": {"name": "digits"},
        "teacher": {"architecture": "resnet20", "train": {"epochs": 2}},
        "student": {"architecture": "resnet8"},
        "method": {"preset": "dfpt-kd", "prompted_stages": 2},
        "training": {"epochs": 4},
    }
    made = plan(parse_spec(spec))
    assert made.paths["prompted"].at == ("stages.1.blocks.2", "stages.2.blocks.2")
    assert set(made.run("distil").learners) == {"student", "prompted"}
