"""Every preset trains: three steps move the student, thirty bring its loss down, and the teacher stays as it was."""

import pytest
import torch
from stepping import Bench

from kdcore.objective.networks import fingerprint
from kdcore.spec import methods

NETWORKS = {
    "convolutional": {"teacher": {"width": 0.5}, "student": {"labels": None}},
    "transformer": {
        "teacher": {"architecture": "vit-4", "width": 0.25},
        "student": {"architecture": "vit-2", "width": 0.125, "labels": None},
        "training": {"optimizer": {"lr": 0.005}},
    },
}
TAUGHT = [(info.name, kind) for info in methods() for kind in info.kinds if kind in NETWORKS]


def stages_of(tiny_plan, method, kind="convolutional"):
    """Each stage of a preset, ready to step, with its networks and a batch."""
    bench = Bench(tiny_plan, method=method, **NETWORKS[kind])
    for number in range(len(bench.run.stages)):
        yield bench.stage(number), bench.networks, bench.batch, number


@pytest.mark.parametrize(("method", "kind"), TAUGHT)
def test_three_steps_of_every_stage_move_the_learners_and_nothing_else(tiny_plan, method, kind):
    for stage, networks, batch, _ in stages_of(tiny_plan, method, kind):
        before = {name: fingerprint(network) for name, network in networks.items()}
        for step in range(3):
            losses = stage.step(batch, stage.plan.epochs - 1, step)
            assert all(value.isfinite() for value in losses.values()), losses
        taught = {learner.name for learner in stage.learners}
        moved = {name for name, network in networks.items() if fingerprint(network) != before[name]}
        assert moved == taught
        stage.close()


@pytest.mark.parametrize(("method", "kind"), TAUGHT)
def test_thirty_steps_on_one_batch_bring_the_loss_down(tiny_plan, method, kind):
    for stage, _, batch, _ in stages_of(tiny_plan, method, kind):
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
