"""A method's own networks, searches and guards become runs, or are refused with the field and the remedy."""

import pytest

from kdcore.spec import SpecError, parse_spec, plan

BASE = {
    "name": "company",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 3}},
    "student": {"architecture": "resnet8", "width": 0.5},
    "training": {"epochs": 10},
}
TASK = {"from": "labels", "distance": "cross_entropy"}
PROMPTED = {"networks": {"prompted": {"of": "teacher", "path": "prompts"}}}


def planned(method, **changes):
    return plan(parse_spec({**BASE, "method": method, **changes}))


def one_stage(*terms, **further):
    """A method of one stage; ``stage`` holds further fields of the stage."""
    stage = {"name": "distil", "epochs": 10, "terms": [TASK, *terms], **further.pop("stage", {})}
    return {**further, "stages": [stage]}


def fault(method, **changes):
    with pytest.raises(SpecError) as caught:
        planned(method, **changes)
    (problem,) = caught.value.problems
    return problem


def runs_of(method, **changes):
    return [run.name for run in planned(method, **changes).runs]


def test_an_assistant_chain_trains_each_network_behind_the_one_it_follows():
    found = planned({"preset": "teacher-assistant", "assistants": ["resnet14", "resnet8"]})
    assert [run.name for run in found.runs] == ["teacher", "assistant-1", "assistant-2", "alone", "distil"]
    assert found.run("assistant-2").needs == ("assistant-1",)
    assert found.run("distil").needs == ("assistant-2",)


def test_peers_learn_in_the_same_run_and_need_no_teacher():
    found = planned({"preset": "mutual", "peers": 2}, teacher=None)
    assert found.run("distil").learners == ("student", "peer-1", "peer-2")
    assert [run.name for run in found.runs] == ["alone", "distil"]


def test_several_teachers_are_one_council_of_frozen_networks():
    (term,) = [term for term in planned("several-teachers").run("distil").stages[0].terms if term.council]
    assert term.speakers == ("teacher", "teacher-2")
    assert planned("several-teachers").run("distil").needs == ("teacher", "teacher-2")


def test_a_prompted_path_learns_beside_the_student_and_knows_where_it_acts():
    terms = [{"from": "prompted", "distance": "kl"}, {**TASK, "to": "prompted"}]
    found = planned(one_stage(*terms, **PROMPTED))
    assert found.run("distil").learners == ("student", "prompted")
    assert found.run("distil").needs == ("teacher",)
    assert found.paths["prompted"].at == ("stages.0.blocks.2", "stages.1.blocks.2", "stages.2.blocks.2")


def test_a_search_runs_every_candidate_and_shares_the_epochs_as_the_method_does():
    pairs = [["stages.0.blocks.0", "stages.0.blocks.2"], ["middle", "middle"]]
    found = planned({"preset": "fitnet", "candidates": pairs, "search_epochs": 4})
    assert found.run("distil").choices == {"hint": ("search-1", "search-2")}
    assert [stage.epochs for stage in found.run("search-1").stages] == [1, 3]
    assert found.run("search-1").stages[0].upto == "stages.0.blocks.0"


def test_a_guard_brings_a_twin_without_the_feature_terms_at_the_same_learning_rates():
    method = one_stage({"points": "features", "distance": "mse"}, {"distance": "kl"}, guard={"share": 0.2})
    found = planned(method)
    twin = found.run("twin")
    assert [run.name for run in found.runs] == ["teacher", "alone", "twin", "distil"]
    assert [term.name for term in twin.stages[0].terms] == ["cross_entropy", "kl"]
    assert (twin.epochs, twin.stages[0].scheduled) == (2, 10)
    assert found.run("distil").guard.epoch == 2


def test_a_copied_student_begins_alike_alone_and_distilled():
    found = planned("hinton", student={"architecture": "resnet8", "copy": {"layers": "forward"}})
    assert found.run("distil").copies == found.run("alone").copies
    assert found.run("alone").needs == ("teacher",)
    assert ("stages.0.blocks.0", "stages.0.blocks.2") in found.run("distil").copies.blocks


@pytest.mark.parametrize(
    ("method", "changes", "pointer", "words"),
    [
        (one_stage({"from": "nobody", "distance": "kl"}), {}, "/method/stages/0/terms/1/from", "no network 'nobody'"),
        (one_stage({"to": "teacher", "from": "student", "distance": "kl"}), {}, "/method/stages/0/terms/1/to",
         "does not learn"),
        (one_stage({"from": "student", "distance": "kl"}), {}, "/method/stages/0/terms/1/from", "cannot follow itself"),
        (one_stage({"from": "prompted", "distance": "kl"}, **PROMPTED), {}, "/method/networks/prompted",
         "none teaches it"),
        (one_stage(networks={"p": {"of": "student", "path": "prompts"}}), {}, "/method/networks/p/of",
         "a frozen network"),
        (one_stage(networks={"p": {"of": "teacher", "path": "promptz"}}), {}, "/method/networks/p/path",
         "nearest: prompts"),
        (one_stage(networks={"p": {"of": "teacher", "path": "prompts", "kernels": [4]}}), {},
         "/method/networks/p/kernels/0", "odd"),
        (one_stage(networks={"student": {"like": "teacher"}}), {}, "/method/networks/student", "cannot name a network"),
        (one_stage(networks={"t2": {"architecture": "resnet8", "train": {"epochs": 1}, "follows": "t3"}}), {},
         "/method/networks/t2/follows", "does not come before"),
        (one_stage(networks={"t2": {"architecture": "resnet8", "weights": "/etc/passwd"}}), {},
         "/method/networks/t2/weights", "python -m kdcore"),
        (one_stage(delivers="teacher"), {}, "/method/delivers", "can be delivered"),
        (one_stage({"from": ["teacher", "teacher"], "points": "middle", "distance": "mse"}), {},
         "/method/stages/0/terms/1/points", "one term each"),
        (one_stage({"distance": "kl", "points": "middle"}), {}, "/method/stages/0/terms/1/points", "leave 'points'"),
        (one_stage({"points": "features", "distance": "mse"}, stage={"terms": [{"points": "features",
         "distance": "mse"}]}, guard={}), {}, "/method/guard", "nothing would be left"),
        (one_stage(stage={"layer_rates": {"stagez.0": 0.1}}), {}, "/method/stages/0/layer_rates/stagez.0", "nearest"),
        (one_stage({"distance": "kl"}, stage={"balance": {"student": {"kind": "mokd", "groups": ["task", "x"]}}}), {},
         "/method/stages/0/balance/student", "x"),
        (one_stage({"distance": "kl"}, stage={"balance": {"student": "dot"}}),
         {"training": {"epochs": 10, "optimizer": {"name": "adamw"}}}, "/method/stages/0/balance/student",
         "optimizer sgd"),
        ("hinton", {"training": {"epochs": 10, "sampler": {"classes": 4, "per_class": 4}}}, "/training/sampler",
         "match them"),
        ("hinton", {"training": {"epochs": 10, "accumulate": 3}}, "/training/accumulate", "divide"),
        ("hinton", {"student": {"architecture": "resnet8", "width": 0.5, "copy": {}}}, "/student/copy",
         "one family and width"),
        ("born-again", {"teacher": None}, "/teacher", "name one"),
    ],
)  # fmt: skip
def test_a_fault_names_the_field_and_the_remedy(method, changes, pointer, words):
    problem = fault(method, **changes)
    assert problem.pointer == pointer
    assert words in problem.message


def test_a_balance_between_one_group_and_nothing_is_warned_about():
    found = planned(one_stage(stage={"balance": {"student": "mokd"}}))
    assert "one_group" in {warning.code for warning in found.warnings}


def test_few_samples_of_a_class_are_warned_about_where_a_distance_looks_within_classes():
    term = {"points": "penultimate", "distance": {"kind": "wasserstein", "given": "class"}}
    small = planned(one_stage(term), training={"epochs": 10, "batch_size": 32})
    large = planned(one_stage(term), training={"epochs": 10, "batch_size": 64})
    assert "few_per_class" in {warning.code for warning in small.warnings}
    assert "few_per_class" not in {warning.code for warning in large.warnings}


def test_method_faults_and_dataset_faults_are_found_at_once():
    with pytest.raises(SpecError) as caught:
        planned("hintom", dataset={"name": "digitz"})
    assert {problem.pointer for problem in caught.value.problems} == {"/method", "/dataset/name"}


def test_one_candidate_is_too_few_and_a_faulty_one_is_told_of_alone():
    def problems(pairs):
        with pytest.raises(SpecError) as refused:
            planned({"preset": "fitnet", "candidates": pairs})
        return [(problem.pointer, problem.code) for problem in refused.value.problems]

    (found,) = problems([["middle", "middle"]])
    assert found[0].endswith("/candidates")
    assert all("/candidates/" in pointer for pointer, _ in problems([["middle", "middle"], [1, "middle"]]))
