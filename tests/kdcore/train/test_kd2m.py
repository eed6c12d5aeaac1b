"""KD2M in training: every metric and mode moves the student, remembers in the run's state, and stays finite."""

import pytest
import torch

from kdcore.data.batches import Batch
from kdcore.objective.networks import freeze
from kdcore.prepare import open_workshop
from kdcore.spec.rooms.distributions import DISTRIBUTIONS
from kdcore.train.stage import Stage

MODES = [(metric, given) for metric in sorted(DISTRIBUTIONS) for given in ("nothing", "class")]
MODES += [(metric, given) for metric in ("mmd", "sinkhorn", "wasserstein") for given in ("label", "logits")]


def opened(tiny_plan, **options):
    """The preset's stage, ready to step, and a batch of it."""
    torch.manual_seed(0)
    method = {"preset": "kd2m", **options}
    plan = tiny_plan(method=method, student={"labels": None}, training={"schedule": {"warmup_epochs": 0}})
    workshop = open_workshop(plan, None)
    run = plan.run("distil")
    networks = {"student": workshop.fresh("student").train(), "teacher": freeze(workshop.fresh("teacher"))}
    pictures = workshop.data.train.take(torch.arange(32))
    batch = Batch(workshop.normalise(pictures.inputs), pictures.targets, torch.arange(32))
    return Stage(run, run.stages[0], networks, batch.inputs[:2], workshop.machine), batch


@pytest.mark.parametrize(("metric", "given"), MODES)
def test_ten_steps_with_the_default_weight_bring_the_task_loss_down(tiny_plan, metric, given):
    stage, batch = opened(tiny_plan, metric=metric, given=given)
    losses = [stage.step(batch, 0, step) for step in range(10)]
    stage.close()
    assert all(value.isfinite() for step in losses for value in step.values())
    assert losses[-1]["term.cross_entropy"] < losses[0]["term.cross_entropy"]


def test_a_queue_is_part_of_the_run_s_state_and_goes_on_where_it_was(tiny_plan):
    stage, batch = opened(tiny_plan, given="class", queue=64)
    stage.step(batch, 0, 0)
    state = stage.objective.state_dict()
    stage.close()
    fresh, _ = opened(tiny_plan, given="class", queue=64)
    fresh.objective.load_state_dict(state)
    fresh.close()
    kept = {name: tensor for name, tensor in fresh.objective.state_dict().items() if ".queue." in name}
    assert [tensor.item() for name, tensor in kept.items() if name.endswith("filled")] == [32]
    assert all(torch.equal(tensor, state[name]) for name, tensor in kept.items())
