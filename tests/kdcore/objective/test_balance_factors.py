"""Balances whose weights are known before the gradients: constants, ramps, learned variances; and what options say."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kdcore.objective.balance import balance
from kdcore.spec.rooms import BadPiece, piece_options


def test_fixed_factors_scale_each_group_s_gradient():
    weight = nn.Parameter(torch.tensor([1.0, 1.0]))
    groups = {"task": weight[0] * 3, "distill": weight[1] * 5}
    assert balance("fixed", factors={"task": 2.0, "distill": 0.5}).backward(groups, [weight]) == {}
    torch.testing.assert_close(weight.grad, torch.tensor([6.0, 2.5]))


def test_groups_without_a_factor_count_once():
    weight = nn.Parameter(torch.tensor([1.0, 1.0]))
    balance("fixed", factors={"task": 2.0}).backward({"task": weight[0], "distill": weight[1]}, [weight])
    torch.testing.assert_close(weight.grad, torch.tensor([2.0, 1.0]))


@given(st.floats(0, 10))
def test_scheduled_factors_follow_their_ramp(epoch):
    weight = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
    piece = balance("scheduled", factors={"distill": {"from": 2, "to": 0, "over": 4, "after": 1}})
    piece.backward({"distill": 3 * weight}, [weight], epoch=epoch)
    assert weight.grad.item() == pytest.approx(3 * min(max(2 - (epoch - 1) / 2, 0), 2))


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("scheduled", {"factors": {"task": {"from": 1, "to": 0}}}, "over"),
        ("scheduled", {"factors": {"task": {"from": -1, "to": 0, "over": 2}}}, "negative"),
        ("fixed", {"factors": {"task": -1}}, "negative"),
        ("mokd", {"form": "exact", "at": "logits"}, "has no at"),
        ("mokd", {"form": "amortised", "every": 2}, "has no every"),
        ("mokd", {"form": "amortised", "logarithmic": False}, "logarithms"),
        ("dot", {"delta": 0.1}, "leaves the range"),
        ("dot", {"delta": 0.5, "momentum": 0.2}, "leaves the range"),
    ],
)
def test_options_that_make_no_sense_are_refused(kind, options, message):
    with pytest.raises(BadPiece, match=message):
        balance(kind, **options)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("fixed", {"factors": {"hint": 2}}),
        ("scheduled", {"factors": {"hint": 2}}),
        ("mokd", {"groups": ["task", "hint"]}),
        ("dot", {"task": "hint"}),
    ],
)
def test_options_that_name_a_group_which_is_not_there_are_refused(kind, options):
    with pytest.raises(ValueError, match="no term is of group 'hint'"):
        balance(kind, **options)
    assert piece_options("balance", kind, options).fault(["task", "hint"]) is None


def test_options_tell_the_planner_what_their_balance_asks_for():
    def options(kind, **given):
        return piece_options("balance", kind, given)

    assert options("mokd", form="cheap").looks_at == "penultimate"
    assert {options("mokd").looks_at, options("pcgrad").looks_at, options("fixed").looks_at} == {None}
    assert [options("fixed").weighs, options("mokd").weighs, options("pcgrad").weighs] == [False, True, True]
    assert [options("dot").optimizers, options("mokd").optimizers] == [("sgd",), ()]


def test_a_list_of_groups_has_to_be_whole():
    with pytest.raises(ValueError, match="groups distill have terms here, too"):
        balance("mokd", groups=["task"])


def test_learned_variances_come_to_rest_at_twice_the_loss():
    """``s = log 2 L`` is where ``exp(-s) L + s / 2`` is smallest."""
    piece = balance("uncertainty")
    optimizer = torch.optim.SGD(piece.parameters(), lr=0.5)
    weight = nn.Parameter(torch.zeros(()))
    for _ in range(500):
        optimizer.zero_grad()
        piece.backward({"task": weight + 3.0, "distill": weight + 0.1}, [weight])
        optimizer.step()
    torch.testing.assert_close(piece.log_variances.detach().exp(), torch.tensor([6.0, 0.2]))


def test_the_learned_variances_gradient_is_that_of_the_formula():
    piece, weight = balance("uncertainty"), nn.Parameter(torch.zeros(2))
    with torch.no_grad():
        piece.log_variances.copy_(torch.tensor([0.7, -0.4]))
    piece.backward({"task": weight[0] + 2, "distill": weight[1] + 5}, [weight])
    logs = torch.tensor([0.7, -0.4], requires_grad=True)
    ((-logs).exp() * torch.tensor([2.0, 5.0]) + logs / 2).sum().backward()
    torch.testing.assert_close(piece.log_variances.grad, logs.grad)
    torch.testing.assert_close(weight.grad, (-logs.detach()).exp())


@settings(max_examples=30, deadline=None)
@given(st.floats(-5, 0))
def test_learned_variances_stay_finite_when_a_loss_is_zero_or_below(loss):
    piece, weight = balance("uncertainty"), nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD(piece.parameters(), lr=10.0)
    for _ in range(50):
        optimizer.zero_grad()
        weight.grad = None
        piece.backward({"task": weight + loss, "distill": weight + 1.0}, [weight])
        optimizer.step()
        assert weight.grad.isfinite()
