"""Every preset trains: three steps move the student, thirty bring its loss down, and the teacher stays as it was."""

import pytest
import torch
from torch import nn

from kdcore.data.batches import Batch
from kdcore.objective.networks import fingerprint, freeze
from kdcore.prepare import open_workshop
from kdcore.spec import methods
from kdcore.train.stage import Stage

TAUGHT = [info.name for info in methods()]


def stages_of(tiny_plan, method):
    """Each stage of a preset, ready to step, with its networks and a batch."""
    torch.manual_seed(0)
    plan = tiny_plan(method=method, student={"labels": None}, training={"schedule": {"warmup_epochs": 0}})
    workshop = open_workshop(plan, None)
    run = plan.run("distil")
    networks = {name: freeze(workshop.fresh(name)) for name in run.needs}
    for name in sorted(run.learners, key=lambda learner: learner in plan.paths):
        networks[name] = workshop.fresh(name, networks).train()
    pictures = workshop.data.train.take(torch.arange(32))
    batch = Batch(workshop.normalise(pictures.images), pictures.labels, torch.arange(32))
    named = nn.ModuleDict()
    for number, stage in enumerate(run.stages):
        made = Stage(
            run, stage, networks, batch.images[:2], workshop.machine, samples=len(workshop.data.train), named=named
        )
        yield made, networks, batch, number


@pytest.mark.parametrize("method", TAUGHT)
def test_three_steps_of_every_stage_move_the_student_and_nothing_else(tiny_plan, method):
    for stage, networks, batch, _ in stages_of(tiny_plan, method):
        before = {name: fingerprint(network) for name, network in networks.items()}
        for step in range(3):
            losses = stage.step(batch, stage.plan.epochs - 1, step)
            assert all(value.isfinite() for value in losses.values()), losses
        taught = {learner.name for learner in stage.learners}
        moved = {name for name, network in networks.items() if fingerprint(network) != before[name]}
        assert moved == taught
        stage.close()


@pytest.mark.parametrize("method", TAUGHT)
def test_thirty_steps_on_one_batch_bring_the_loss_down(tiny_plan, method):
    for stage, _, batch, _ in stages_of(tiny_plan, method):
        epoch = stage.plan.epochs - 1
        losses = [float(stage.step(batch, epoch, 0)["loss"]) for _ in range(30)]
        assert min(losses[-5:]) < losses[0]
        stage.close()


def test_the_hint_stage_leaves_what_lies_above_the_guided_layer_bit_equal(tiny_plan):
    stage, networks, batch, _ = next(stages_of(tiny_plan, "fitnet"))
    trained = set(stage.learners[0].parameters)
    above = {name for name, p in networks["student"].named_parameters() if p not in trained}
    before = {name: tensor.clone() for name, tensor in networks["student"].state_dict().items()}
    for step in range(3):
        stage.step(batch, 0, step)
    after = networks["student"].state_dict()
    assert above
    assert all(torch.equal(before[name], after[name]) for name in above)
    assert any(not torch.equal(before[name], after[name]) for name in before if name not in above)
