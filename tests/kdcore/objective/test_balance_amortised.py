"""MoKD's amortised form: weights learned from how much each loss fell."""

import copy
import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from kdcore.objective.balance import balance
from kdcore.objective.balance.weight_optimizer import WeightOptimizer


def after(piece, before, improved):
    """What the amortised form records when losses of 1 have fallen to these values."""
    names = ("task", "distill")
    was = {name: torch.tensor(value) for name, value in zip(names, before, strict=True)}
    now = {name: torch.tensor(value) for name, value in zip(names, improved, strict=True)}
    return piece.after_step(was, now)


def share_of_task(piece):
    weight = nn.Parameter(torch.zeros(1))
    return piece.backward({"task": weight[0] + 1, "distill": weight[0] + 1}, [weight])["share.task"].item()


@given(st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.floats(0.01, 100))
def test_the_loss_that_improved_more_gets_less_weight(task, distill, scale):
    assume(abs(task - distill) > 1e-3)
    piece = balance("mokd", form="amortised")
    after(piece, (scale, 1.0), (scale * task, distill))
    assert (share_of_task(piece) < 0.5) == (task < distill)


def test_one_amortised_update_is_the_softmax_s_jacobian_times_the_falls_under_adamw():
    piece = balance("mokd", form="amortised")
    logits = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    reference = torch.optim.AdamW([logits], lr=0.025, weight_decay=0.01)
    torch.manual_seed(0)
    for _ in range(20):
        before, now = torch.rand(2).double() + 1, torch.rand(2).double() + 0.5
        readings = after(piece, before.tolist(), now.tolist())
        fall = ((before + 1e-8) / (now + 1e-8)).log()
        torch.testing.assert_close(
            torch.stack([readings["fall.task"], readings["fall.distill"]]).double(), fall, rtol=1e-6, atol=1e-6
        )
        reference.zero_grad()
        (logits.softmax(0) @ fall).backward()
        reference.step()
    torch.testing.assert_close(piece.logits, logits.detach(), rtol=1e-4, atol=1e-6)


def test_the_weights_optimiser_is_adamw():
    torch.manual_seed(0)
    value = torch.randn(3).double()
    reference = nn.Parameter(value.clone())
    ours, theirs = WeightOptimizer(3, 0.1, 0.05), torch.optim.AdamW([reference], lr=0.1, weight_decay=0.05)
    for _ in range(30):
        slope = torch.randn(3).double()
        reference.grad = slope.clone()
        theirs.step()
        ours.step(value, slope)
    torch.testing.assert_close(value, reference.detach())


@pytest.mark.parametrize("rate", [1e-3, 1e-4, 1e-5])
def test_the_falls_over_the_step_tend_to_what_the_exact_form_looks_at(rate):
    """``(log L before - log L after) / step`` tends to ``Jᵀ g``, with an error of the order of the step."""
    torch.manual_seed(1)
    network, inputs = nn.Sequential(nn.Linear(5, 6), nn.Linear(6, 2)).double(), torch.randn(7, 5).double()
    parameters = [*network.parameters()]

    def found():
        apart = (network(inputs) - torch.tensor([1.0, -2.0])).square().mean(0)
        return {"task": apart[0], "distill": 5 * apart[1]}

    losses = found()
    piece = balance("mokd", form="amortised")
    piece.backward(losses, parameters)
    expected = []
    for loss in found().values():
        slopes = torch.autograd.grad(loss.log(), parameters, retain_graph=True)
        expected.append(sum((slope * p.grad).sum() for slope, p in zip(slopes, parameters, strict=True)))
    with torch.no_grad():
        for parameter in parameters:
            parameter -= rate * parameter.grad
    readings = piece.after_step(losses, found())
    falls = torch.stack([readings["fall.task"], readings["fall.distill"]]).detach() / rate
    torch.testing.assert_close(falls, torch.stack(expected), rtol=100 * rate, atol=100 * rate)


def test_amortised_weights_settle_where_the_falls_are_equal():
    """Orthogonal log-gradients of norms 4 and 1: the shortest combination has the shares 1 / 17 and 16 / 17."""
    piece = balance("mokd", form="amortised", weight_decay=0.0)
    for _ in range(1000):
        share = share_of_task(piece)
        after(piece, (1.0, 1.0), (math.exp(-1e-3 * share * 16), math.exp(-1e-3 * (1 - share))))
    assert share_of_task(piece) == pytest.approx(1 / 17, abs=1e-3)


def test_amortised_needs_one_backward_pass():
    calls = []

    class Counted(torch.autograd.Function):
        @staticmethod
        def forward(context, value):
            return value * 1.0

        @staticmethod
        def backward(context, slope):
            calls.append(1)
            return slope

    def passes(**options):
        calls.clear()
        weight = nn.Parameter(torch.zeros(2))
        feature = Counted.apply(weight)
        balance("mokd", **options).backward({"task": feature[0] + 1, "distill": feature[1] + 1}, [weight], [feature])
        return len(calls)

    assert (passes(), passes(form="cheap"), passes(form="amortised")) == (2, 1, 1)


def test_the_weights_of_a_copy_go_their_own_way():
    piece = balance("mokd", form="amortised")
    twin = copy.deepcopy(piece)
    after(piece, (1.0, 1.0), (0.5, 0.9))
    assert share_of_task(twin) == 0.5 != share_of_task(piece)
