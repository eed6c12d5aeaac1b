"""Baselines with learned modules between networks of different depth: what they compare, and what they train."""

import pytest
import torch
from stepping import Bench

from kdcore import run
from kdcore.objective.networks import fingerprint
from kdcore.objective.stages import value_at
from kdcore.spec import SpecError
from kdcore.spec.matching import layer_pairs
from kdcore.spec.presets import expand_preset
from kdcore.spec.presets.modules import MODULES
from kdcore.spec.presets.phased import PHASED

NAMES = [*MODULES, *PHASED]
DEEPER = {"teacher": {"architecture": "resnet20", "width": 0.5}}
STAGE_ENDS = [f"stages.{i}.blocks.2" for i in range(3)]


def term_of(bench, name, stage=0):
    return next(term for term in bench.run.stages[stage].terms if term.name == name)


@pytest.mark.parametrize("name", NAMES)
def test_a_deeper_teacher_is_followed_at_every_step_and_stays_as_it_was(tiny_plan, name):
    bench = Bench(tiny_plan, method=name, **DEEPER)
    before = fingerprint(bench.networks["teacher"])
    for number in range(len(bench.run.stages)):
        stage = bench.stage(number)
        learnt = [p.detach().clone() for learner in stage.learners for p in learner.parameters]
        for step in range(3):
            losses = stage.step(bench.batch, stage.plan.epochs - 1, step)
            assert all(value.isfinite() for value in losses.values()), losses
        after = [p for learner in stage.learners for p in learner.parameters]
        unmoved = [p.shape for p, was in zip(after, learnt, strict=True) if torch.equal(p, was)]
        assert len(unmoved) < len(after) / 4, unmoved
        stage.close()
    assert fingerprint(bench.networks["teacher"]) == before


@pytest.mark.parametrize(
    ("name", "term"), [("vid", "vid"), ("fsp", "fsp"), ("ofd", "ofd"), ("ab", "ab"), ("reviewkd", "hcl")]
)
def test_blocks_follow_the_ends_of_the_teacher_s_stages_and_no_other_is_read(tiny_plan, name, term):
    pairs = term_of(Bench(tiny_plan, method=name, **DEEPER), term).pairs
    assert [pair.source.split(".relu2")[0] for pair in pairs] == STAGE_ENDS


@pytest.mark.parametrize("name", ["ofd", "ab"])
def test_each_shallower_block_counts_half(tiny_plan, name):
    pairs = term_of(Bench(tiny_plan, method=name, **DEEPER), name).pairs
    assert [pair.weight for pair in pairs] == [0.25, 0.5, 1]
    assert all(pair.to.endswith("relu2@in") for pair in pairs)


@pytest.mark.parametrize(("students", "teachers"), [(1, 1), (3, 9), (4, 2)])
def test_halving_is_the_forward_map_with_weights(students, teachers):
    halving, forward = (layer_pairs(name, students, teachers) for name in ("forward-halving", "forward"))
    assert [pair[:2] for pair in halving] == [pair[:2] for pair in forward]
    assert [pair.weight for pair in halving] == [2.0 ** (i + 1 - students) for i in range(students)]


def test_review_fuses_every_student_layer_with_the_ends_of_the_teacher_s_stages(tiny_plan):
    stage = Bench(tiny_plan, method="reviewkd", **DEEPER).stage()
    (term,) = [one for one in stage.objective.modules_of_terms() if one.adapter is not None]
    assert len(term.distances) == len(term.adapter.maps) == 4
    assert term.adapter.followed == [0, 1, 2]


@pytest.mark.parametrize(("epochs", "over"), [(4, 1), (40, 10), (240, 20)])
def test_the_review_s_warm_up_takes_at_most_a_quarter_of_a_short_run(epochs, over):
    weight = expand_preset("reviewkd", {}, epochs).stages[0].terms[1].weight
    assert weight.over == over
    assert value_at(weight, 0) == 0
    assert value_at(weight, over) == 5


@pytest.mark.parametrize(("name", "epochs", "first"), [("ab", 240, 30), ("ft", 240, 30), ("ab", 2, 1), ("ft", 3, 1)])
def test_a_first_stage_takes_its_share_and_leaves_the_rest(name, epochs, first):
    stages = expand_preset(name, {}, epochs).stages
    assert [stage.epochs for stage in stages] == [first, epochs - first]


def test_flow_is_learnt_beside_the_task_unless_a_first_stage_is_asked_for():
    assert len(expand_preset("fsp", {}, 10).stages) == 1
    first, second = expand_preset("fsp", {"initial_share": 0.3}, 10).stages
    assert [term.distance.kind for term in first.terms] == ["fsp"]
    assert [term.distance.kind for term in second.terms] == ["cross_entropy"]
    assert (first.epochs, second.epochs) == (3, 7)


def test_the_paraphraser_learns_first_and_the_student_afterwards(tiny_plan):
    bench = Bench(tiny_plan, method="ft")
    taught = []
    for number in range(2):
        stage = bench.stage(number)
        taught.append([learner.name for learner in stage.learners])
        stage.close()
    assert taught == [["paraphrase"], ["student"]]


def test_the_contrast_remembers_the_batch_of_each_step(tiny_plan):
    bench = Bench(tiny_plan, method="crd")
    stage = bench.stage()
    (term,) = [one for one in stage.objective.modules_of_terms() if one.plan.name == "crd"]
    banks = term.distances[0].banks
    before = banks.student.clone()
    stage.step(bench.batch, 0, 0)
    moved = (banks.student != before).any(1)
    assert torch.equal(moved.nonzero().squeeze(1), bench.batch.index)
    assert torch.equal(banks.labels[bench.batch.index], bench.batch.targets)


def test_a_contrast_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(tiny_plan):
    losses = []
    for stops in (False, True):
        torch.manual_seed(0)
        bench = Bench(tiny_plan, method="crd")
        stage = bench.stage()
        for step in range(2):
            stage.step(bench.batch, 0, step)
        if stops:
            state, again = stage.state(), bench.stage()
            again.restore(state)
            stage = again
        losses.append(stage.step(bench.batch, 0, 2)["loss"])
    assert losses[0] == losses[1]


@pytest.mark.parametrize("branches", [None, 2])
def test_branches_of_unlike_networks_speak_the_teacher_s_classes(tiny_plan, branches):
    unlike = {"teacher": {"architecture": "vit-4", "width": 0.25}}
    method = {"preset": "ofa-branches", **({} if branches is None else {"branches": branches})}
    bench = Bench(tiny_plan, method=method, **unlike)
    assert {pair.source for pair in term_of(bench, "branches").pairs} == {"logits"}
    assert len(term_of(bench, "branches").pairs) == (branches or 3)
    stage = bench.stage()
    losses = [float(stage.step(bench.batch, 0, 0)["loss"]) for _ in range(10)]
    assert losses[-1] < losses[0]


def test_a_class_map_needs_the_map_that_the_classifier_averages(tiny_plan):
    wide = {"teacher": {"architecture": "wrn-10-1"}, "student": {"architecture": "wrn-10-1", "width": 0.25}}
    bench = Bench(tiny_plan, method={"preset": "cat-kd", "guided": "relu", "hint": "relu"}, **wide)
    assert bench.stage().step(bench.batch, 0, 0)["term.cat"] > 0


def test_a_network_without_known_preactivations_is_told_to_name_them(tiny_plan):
    with pytest.raises(SpecError, match="no layer 'preactivations'"):
        tiny_plan(method="ofd", teacher={"architecture": "fitnet1", "width": None})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ft", "crd", "reviewkd", "ofa-branches"])
def test_a_job_ends_with_a_student_as_plain_as_one_that_learnt_alone(tiny_plan, tmp_path, name):
    result = run(tiny_plan(method=name, deliver=["safetensors"]), tmp_path, lambda record: None)
    assert "student.safetensors" in {file.name for file in result.artifacts.iterdir()}
