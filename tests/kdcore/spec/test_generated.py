"""Who writes a stage's texts: spelt shortly or in full, planned for generation, refused with a reason elsewhere."""

import jsonschema
import pytest
import texts

from kdcore.spec import JobSpec, SpecError, parse_spec, plan
from kdcore.spec.brought import Brought, BroughtDataset, BroughtModel
from kdcore.spec.cards import ModelCard
from kdcore.spec.presets import expand_preset

LEARN = {"name": "a", "epochs": 4, "terms": [{"from": "labels", "distance": "cross_entropy"}]}
FOLLOW = {"name": "a", "epochs": 4, "terms": [{"distance": "jsd"}]}


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pack")
    return folder, texts.reversed_words(folder)


def refused(pack, **changes):
    with pytest.raises(SpecError) as error:
        texts.planned(*pack, **changes)
    (problem,) = error.value.problems
    return problem


@pytest.mark.parametrize("written", ["student", {"by": "student", "share": 0.25}, {"by": "teacher", "beams": 2}])
def test_a_writer_is_named_alone_or_with_options_and_the_schema_knows(pack, written):
    stage = {**FOLLOW, "generated_by": written}
    found = texts.planned(*pack, method={"stages": [stage]}).run("distil").stages[0].writing
    name = written if isinstance(written, str) else written["by"]
    assert (found.asked.by, found.writer) == (name, name)
    assert (found.source_length, found.prompt, found.steps, found.end, found.padding) == (6, 1, 7, 2, 0)
    spec = {"name": "n", "dataset": {"name": "digits"}, "student": {"architecture": "gpt-1"}}
    jsonschema.validate({**spec, "method": {"stages": [stage]}}, JobSpec.model_json_schema())


def test_a_teacher_who_writes_is_needed_though_no_term_follows_it(pack):
    made = texts.planned(*pack, method="seq-kd")
    assert made.run("distil").needs == ("teacher",)
    assert [run.name for run in made.runs] == ["teacher", "alone", "distil"]
    problem = refused(pack, method="seq-kd", teacher=None)
    assert (problem.pointer, problem.code) == ("/teacher", "teacher_missing")


def test_outputs_on_texts_that_are_written_anew_are_not_kept(pack):
    assert [one.mode for group in texts.planned(*pack, method="word-kd").kept for one in group] == ["memory"]
    ((kept,),) = texts.planned(*pack, method="gkd").kept
    assert kept.mode == "off"
    assert "student writes" in kept.reason


def test_a_student_on_its_own_texts_needs_somebody_to_follow(pack):
    problem = refused(pack, method={"stages": [{**LEARN, "generated_by": "student"}]})
    assert (problem.pointer, problem.code) == ("/method/stages/0/generated_by", "nothing_to_compare")


def test_pictures_are_not_written():
    spec = {
        "name": "n", "dataset": {"name": "digits"}, "student": {"architecture": "resnet8"},
        "teacher": {"architecture": "resnet8", "train": {"epochs": 1}}, "training": {"epochs": 4},
    }  # fmt: skip
    for method in ({"stages": [{**FOLLOW, "generated_by": "teacher"}]}, "seq-kd", "gkd"):
        with pytest.raises(SpecError, match="texts are written for task generation"):
            plan(parse_spec({**spec, "method": method}))


@pytest.mark.parametrize(
    "wrong", ["pupil", {"by": "nobody"}, {"by": "student", "beams": 3}, {"by": "student", "share": 0}]
)
def test_other_writers_and_options_are_refused_where_they_stand(wrong):
    stage = {**FOLLOW, "generated_by": wrong}
    spec = {"name": "n", "dataset": {"name": "digits"}, "student": {"architecture": "gpt-1"}}
    with pytest.raises(SpecError) as error:
        parse_spec({**spec, "method": {"stages": [stage]}})
    assert all(one.pointer.startswith("/method/stages/0/generated_by") for one in error.value.problems)


def test_an_assistant_does_not_learn_from_texts_of_somebody_whom_it_does_not_follow(pack):
    networks = {
        "first": {"architecture": "bart-1", "options": texts.SIZES, "train": {"epochs": 1}},
        "second": {
            "architecture": "bart-1", "options": texts.SIZES, "train": {"epochs": 1}, "follows": "first",
            "method": "seq-kd",
        },
    }  # fmt: skip
    method = {"networks": networks, "stages": [{**FOLLOW, "terms": [{"from": "second", "distance": "kl"}]}]}
    assert refused(pack, method=method).code == "method_too_rich"


@pytest.mark.parametrize("name", ["word-kd", "seq-kd", "gkd"])
def test_every_option_of_a_preset_reaches_its_objective(name):
    plain = expand_preset(name, {}, 4).model_dump()
    asked = {
        "word-kd": {"temperature": 2, "alpha": 0.3},
        "seq-kd": {"beams": 2, "length_penalty": 0.5, "word_weight": 1, "prompt": 0.5, "max_new_tokens": 3},
        "gkd": {"share": 0.2, "beta": 0.1, "temperature": 2, "top_p": 0.9, "task_weight": 1, "prompt": 0.1},
    }
    for option, value in asked[name].items():
        assert expand_preset(name, {option: value}, 4).model_dump() != plain, option


@pytest.mark.parametrize("method", ["seq-kd", "gkd"])
def test_a_table_of_stored_outputs_writes_nothing_and_says_nothing_of_new_texts(pack, method):
    folder, card = pack
    given = {"task": "generation", "input": card.input, "classes": (), "num_outputs": texts.VOCABULARY}
    table = ModelCard(name="stored", kind="outputs", files=(), sha256="0" * 64, **given)
    brought = Brought(
        datasets={str(folder): BroughtDataset(card, folder=str(folder))},
        models={"mdl_1": BroughtModel(table, version=1)},
    )
    spec = {
        "name": "n", "dataset": {"path": str(folder)}, "teacher": {"id": "mdl_1"}, "method": method,
        "student": {"architecture": "bart-1", "options": texts.SIZES}, "training": texts.TRAINING,
    }  # fmt: skip
    with pytest.raises(SpecError) as error:
        plan(parse_spec(spec), allow_paths=True, brought=brought)
    assert "stored_outputs" in {problem.code for problem in error.value.problems}
