"""A step of a stage: micro-batches, second looks, rates by layer, kernels kept short, adapters that live on."""

import copy

import pytest
import torch
from stepping import HINT, SOFT, TASK, Bench, method

from kdcore.objective.networks import fingerprint
from kdcore.train.parts import remember


def weights_after(bench, steps=2):
    stage = bench.stage()
    for step in range(steps):
        stage.step(bench.batch, 0, step)
    stage.close()
    return bench.networks["student"].state_dict()


@pytest.mark.parametrize("balance", ["fixed", "mokd", "pcgrad"])
def test_micro_batches_take_the_step_of_the_whole_batch(tiny_plan, balance):
    asked = method(TASK, SOFT, balance={"student": balance})
    whole, parts = (Bench(tiny_plan, method=asked, training={"accumulate": count}) for count in (1, 4))
    for bench in (whole, parts):
        for network in bench.networks.values():  # batch norm sees micro-batches; its fixed statistics do not
            network.eval()
    expected, found = weights_after(whole), weights_after(parts)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-5)


def test_a_second_look_leaves_statistics_and_random_streams_as_the_first_pass_did(tiny_plan):
    bench = Bench(tiny_plan, method=method(TASK, SOFT, balance={"student": {"kind": "mokd", "form": "amortised"}}))
    student = bench.networks["student"]
    stage = bench.stage()
    memory = remember([student])
    stage.losses(bench.batch, 0)
    before, stream = fingerprint(student), torch.get_rng_state()
    with memory.replayed():
        stage.losses(bench.batch, 0)
        torch.rand(3)
        assert fingerprint(student) != before
    stage.close()
    assert fingerprint(student) == before
    assert torch.equal(torch.get_rng_state(), stream)


def test_the_amortised_balance_gives_the_loss_that_fell_more_less_weight(tiny_plan):
    bench = Bench(tiny_plan, method=method(TASK, SOFT, balance={"student": {"kind": "mokd", "form": "amortised"}}))
    stage = bench.stage()
    shares = [stage.step(bench.batch, 0, step) for step in range(10)]
    stage.close()
    falls = sum(row["balance.student.fall.task"] - row["balance.student.fall.distill"] for row in shares)
    moved = shares[-1]["balance.student.share.task"] - shares[0]["balance.student.share.task"]
    assert falls * moved < 0


def test_a_rate_of_zero_leaves_a_layer_bit_equal_and_a_small_one_slows_it(tiny_plan):
    rates = {"stem": 0.0, "stages.0": 0.01}
    slowed, plain = (Bench(tiny_plan, method=method(TASK, SOFT, layer_rates=one)) for one in (rates, {}))
    before = copy.deepcopy(plain.networks["student"].state_dict())
    after, usual = weights_after(slowed, 1), weights_after(plain, 1)
    stem, first = "stem.conv.weight", "stages.0.blocks.0.conv1.weight"
    assert torch.equal(after[stem], before[stem])
    assert not torch.equal(usual[stem], before[stem])
    moved = (after[first] - before[first]).norm() / (usual[first] - before[first]).norm()
    assert moved == pytest.approx(0.01, rel=1e-3)


def test_no_unit_keeps_incoming_weights_longer_than_the_max_norm(tiny_plan):
    after = weights_after(Bench(tiny_plan, method=method(TASK, SOFT), training={"max_norm": 0.3}))
    kernels = [tensor for name, tensor in after.items() if name.endswith("weight") and tensor.dim() > 1]
    longest = [float(kernel.flatten(1).norm(dim=1).max()) for kernel in kernels]
    assert max(longest) <= 0.3 + 1e-6
    assert len(longest) > 5


def test_an_adapter_with_a_name_is_one_module_in_every_stage(tiny_plan):
    hint = {**HINT, "adapter": {"kind": "auto", "name": "regressor"}}
    stages = [{"name": name, "epochs": 2, "terms": [TASK, hint]} for name in ("first", "second")]
    bench = Bench(tiny_plan, method={"stages": stages})
    first, second = bench.stage(0), bench.stage(1)
    first.step(bench.batch, 0, 0)
    modules = [stage.objective.modules_of_terms()[1].adapter for stage in (first, second)]
    first.close()
    second.close()
    assert modules[0] is modules[1]
    other = Bench(tiny_plan, method={"stages": [{**one, "terms": [TASK, HINT]} for one in stages]})
    own = [other.stage(number) for number in (0, 1)]
    assert own[0].objective.modules_of_terms()[1].adapter is not own[1].objective.modules_of_terms()[1].adapter
    for stage in own:
        stage.close()


def test_half_precision_features_pass_adapters_and_balances(tiny_plan):
    asked = method(TASK, SOFT, HINT, balance={"student": "mokd"})
    bench = Bench(tiny_plan, method=asked, training={"precision": "bfloat16"})
    stage = bench.stage()
    losses = [float(stage.step(bench.batch, 0, step)["loss"]) for step in range(10)]
    stage.close()
    assert all(torch.isfinite(torch.tensor(losses)))
    assert losses[-1] < losses[0]


def test_peers_move_in_one_step_each_by_its_own_terms(tiny_plan):
    bench = Bench(tiny_plan, method="mutual")
    stage = bench.stage()
    readings = stage.step(bench.batch, 0, 0)
    stage.close()
    assert {"term.cross_entropy", "term.kl.peer-1", "term.peer-1.cross_entropy", "term.peer-1.kl.student"} <= set(
        readings
    )
    assert fingerprint(bench.networks["peer-1"]) != fingerprint(bench.networks["student"])


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_frozen_teacher_is_asked_once_in_a_step_that_looks_again(tiny_plan, accumulate):
    asked = []
    training = {"accumulate": accumulate}
    bench = Bench(tiny_plan, method={"preset": "mokd", "form": "amortised"}, training=training)
    stage = bench.stage()
    bench.networks["teacher"].register_forward_pre_hook(lambda module, inputs: asked.append(len(inputs[0])))
    for step in range(2):
        stage.step(bench.batch, 1, step)
    assert asked == [32 // accumulate] * 2 * accumulate
