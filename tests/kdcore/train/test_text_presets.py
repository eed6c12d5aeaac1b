"""Presets for transformers teach text encoders, and padding counts in none of their losses."""

from dataclasses import replace

import pytest
import torch
from sentences import BEGIN, PADDING, THIN, pack, text_plan
from stepping import Bench

from kdcore.objective.networks import fingerprint
from kdcore.spec import methods
from kdcore.train.coupling import couplings

FOR_TRANSFORMERS = [info.name for info in methods() if "transformer" in info.kinds]
FURTHER = {"teacher-assistant": {"assistants": ["bert-tiny"]}, "several-teachers": {"teachers": ["bert-tiny"]}}
"""Options of presets whose further networks take pictures unless others are named."""
ADAM = {"name": "adamw", "lr": 0.002}
OPTIMIZERS = {"dot": {"name": "sgd", "lr": 0.05}}
ON_TOKENS = ["distilbert", "pkd-bert", "tinybert", "minilm", "minilm-v2", "layer-matching", "fitnet"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("sentences")
    pack(path, classes=4)
    return path


def stages_of(folder, method, **options):
    """Each stage of a preset, ready to step, with its networks and a batch."""
    thin = {**THIN, **options}
    bench = Bench(
        lambda **changes: text_plan(folder, **changes),
        method={"preset": method, "options": FURTHER.get(method, {})},
        teacher={"architecture": "bert-4", "options": thin, "train": {"epochs": 2}},
        student={"architecture": "bert-2", "options": thin},
        training={"epochs": 4, "batch_size": 32, "optimizer": OPTIMIZERS.get(method, ADAM)},
    )
    for number in range(len(bench.run.stages)):
        yield bench.stage(number), bench


@pytest.mark.parametrize("method", FOR_TRANSFORMERS)
def test_three_steps_of_every_stage_teach_text_encoders_and_nothing_else(folder, method):
    for stage, bench in stages_of(folder, method, dropout=0.1):
        before = {name: fingerprint(network) for name, network in bench.networks.items()}
        for step in range(3):
            losses = stage.step(bench.batch, stage.plan.epochs - 1, step)
            assert all(value.isfinite() for value in losses.values()), losses
        moved = {name for name, network in bench.networks.items() if fingerprint(network) != before[name]}
        assert moved == {learner.name for learner in stage.learners}
        stage.close()


@pytest.mark.parametrize("method", ON_TOKENS)
def test_twenty_steps_on_one_batch_bring_the_loss_down(folder, method):
    for stage, bench in stages_of(folder, method):
        losses = [float(stage.step(bench.batch, stage.plan.epochs - 1, 0)["loss"]) for _ in range(20)]
        assert min(losses[-5:]) < losses[0]
        stage.close()


@pytest.mark.parametrize("method", ON_TOKENS)
def test_padding_a_batch_further_changes_no_loss(folder, method):
    for stage, bench in stages_of(folder, method, max_length=20):
        longer = replace(bench.batch, inputs=torch.nn.functional.pad(bench.batch.inputs, (0, 8), value=PADDING))
        with stage.evaluating(), torch.no_grad():
            short, long = (stage.totals(stage.losses(batch, 0.0)) for batch in (bench.batch, longer))
        assert long == {name: pytest.approx(float(value), rel=1e-4, abs=1e-6) for name, value in short.items()}
        stage.close()


def test_a_batch_of_sentences_is_not_cut_where_its_tokens_are_averaged(folder):
    stage, bench = next(stages_of(folder, "tinybert"))
    said = couplings(bench.run, bench.networks, stage.objective)
    assert said
    assert all(clause.endswith("averages over those tokens of a batch that are no padding") for clause in said)
    stage.close()


def test_a_plan_gives_networks_the_ids_of_the_dataset(folder):
    plan = text_plan(folder)
    assert plan.networks["student"].options["padding"] == PADDING
    assert plan.networks["student"].options["separator"] == 3
    _, bench = next(stages_of(folder, "hinton"))
    assert (bench.batch.inputs[:, 0] == BEGIN).all()
    assert bench.batch.inputs.dtype == torch.int64
