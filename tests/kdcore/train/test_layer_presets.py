"""Layer matching trains by every strategy, on residual networks and transformers, and so do transformers' presets."""

import pytest
import torch
from torch import nn

from kdcore import run
from kdcore.data.batches import Batch
from kdcore.errors import EngineError
from kdcore.objective.mixtures import Mixture
from kdcore.objective.networks import fingerprint, freeze
from kdcore.prepare import open_workshop
from kdcore.spec import SpecError
from kdcore.spec.objective import MethodSpec
from kdcore.spec.presets.transformers import TRANSFORMERS
from kdcore.spec.rooms import MATCHES
from kdcore.train.stage import Stage

VITS = {
    "teacher": {"architecture": "vit-4", "width": 0.25},
    "student": {"architecture": "vit-2", "width": 0.125, "labels": None},
}


def stages_of(tiny_plan, **changes):
    torch.manual_seed(0)
    plan = tiny_plan(**{"student": {"labels": None}, "training": {"schedule": {"warmup_epochs": 0}}, **changes})
    workshop = open_workshop(plan, None)
    run = plan.run("distil")
    networks = {name: freeze(workshop.fresh(name)) for name in run.needs}
    networks |= {name: workshop.fresh(name).train() for name in run.learners}
    pictures = workshop.data.train.take(torch.arange(32))
    batch = Batch(workshop.normalise(pictures.inputs), pictures.targets, torch.arange(32))
    for stage in run.stages:
        made = Stage(
            run,
            stage,
            networks,
            batch.inputs[:2],
            workshop.machine,
            samples=len(workshop.data.train),
            named=nn.ModuleDict(),
        )
        yield made, networks, batch
        made.close()


def losses_of(stage, batch, steps):
    return [float(stage.step(batch, stage.plan.epochs - 1, 0)["loss"]) for _ in range(steps)]


def written_out(name, epochs=4, **options):
    """A preset as the objective that it stands for."""
    preset = TRANSFORMERS[name]
    return MethodSpec(stages=preset.expand(preset.options(**options), epochs)).model_dump(mode="json", by_alias=True)


@pytest.mark.parametrize("match", list(MATCHES))
def test_every_strategy_teaches_a_transformer(tiny_plan, match):
    pairs = {"last-k": 1, "all": 8, "weighted": 8, "none": 0}.get(match, 2)
    for stage, networks, batch in stages_of(tiny_plan, method={"preset": "layer-matching", "match": match}, **VITS):
        before = fingerprint(networks["teacher"])
        losses = losses_of(stage, batch, 20)
        assert min(losses[-5:]) < losses[0]
        assert fingerprint(networks["teacher"]) == before
        assert sum(len(term.pairs) for term in stage.plan.terms if term.name == "hidden") == pairs


@pytest.mark.parametrize("match", ["forward", "all-to-one"])
def test_layers_of_residual_networks_are_matched_through_convolutions(tiny_plan, match):
    for stage, _, batch in stages_of(tiny_plan, method={"preset": "layer-matching", "match": match}):
        losses = losses_of(stage, batch, 20)
        assert min(losses[-5:]) < losses[0]


def test_learned_weights_of_teacher_layers_are_trained_with_the_student(tiny_plan):
    for stage, _, batch in stages_of(tiny_plan, method={"preset": "layer-matching", "match": "weighted"}, **VITS):
        (term,) = [one for one in stage.objective.modules_of_terms() if one.plan.name == "hidden"]
        assert isinstance(term.adapter, Mixture)
        assert term.adapter.weights.shape == (2, 4)
        before = {name: parameter.detach().clone() for name, parameter in term.adapter.named_parameters()}
        losses_of(stage, batch, 3)
        assert set(before) == {"logits", "maps.0.weight", "maps.1.weight"}
        assert all(not torch.equal(before[name], now) for name, now in term.adapter.named_parameters())


def test_teacher_layers_of_several_widths_have_no_sum_and_the_spec_is_told_so(tiny_plan):
    with pytest.raises(EngineError, match="name points of one stage"):
        next(stages_of(tiny_plan, method={"preset": "layer-matching", "match": "weighted"}))


@pytest.mark.parametrize("name", list(TRANSFORMERS))
def test_presets_of_transformers_bring_their_losses_down_on_vision_transformers(tiny_plan, name):
    for stage, networks, batch in stages_of(tiny_plan, method=written_out(name), **VITS):
        before = fingerprint(networks["teacher"])
        losses = losses_of(stage, batch, 30)
        assert min(losses[-5:]) < losses[0]
        assert fingerprint(networks["teacher"]) == before


def test_a_network_without_attention_is_refused_by_the_name_of_what_it_lacks(tiny_plan):
    with pytest.raises(SpecError, match="no layer 'attention'"):
        tiny_plan(method=written_out("tinybert"))


def test_any_block_of_the_teacher_may_be_followed_by_the_student_s_last(tiny_plan):
    plan = tiny_plan(method=written_out("minilm-v2", teacher_block=2), **VITS)
    stage = plan.run("distil").stages[0]
    assert [(pair.to, pair.source) for term in stage.terms for pair in term.pairs] == [
        (f"blocks.1.attention.{name}", f"blocks.2.attention.{name}") for name in ("query", "key", "value")
    ]


@pytest.mark.slow
def test_a_job_with_transformers_ends_with_a_student_that_every_format_holds(tiny_plan, tmp_path):
    plan = tiny_plan(method="layer-matching", deliver=["safetensors", "onnx", "onnx-int8"], **VITS)
    result = run(plan, tmp_path, lambda record: None)
    delivered = {path.name for path in result.artifacts.iterdir()}
    assert {"student.safetensors", "student.onnx", "student.int8.onnx"} <= delivered
