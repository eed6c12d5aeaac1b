"""What every balance keeps to."""

import copy

import pytest
import torch
from balance_cases import KINDS, NAMES, Toy
from torch import nn

from kdcore.objective.balance import CLASSES, balance
from kdcore.spec.rooms import BALANCES

every_kind = pytest.mark.parametrize(("kind", "options"), KINDS, ids=NAMES)


def test_the_engine_has_exactly_the_balances_that_specs_may_name():
    assert set(CLASSES) == set(BALANCES)


def test_every_balance_is_under_test_here():
    assert {kind for kind, _ in KINDS} == set(CLASSES)


@every_kind
def test_a_run_taken_up_from_its_state_dict_goes_on_to_the_bit(kind, options, tmp_path):
    toy, piece = Toy(), balance(kind, **options)
    for _ in range(5):
        toy.step(piece)
    torch.save(piece.state_dict(), tmp_path / "state.pt")
    resumed, twin = balance(kind, **options), copy.deepcopy(toy)
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for _ in range(5):
        gradient, readings = toy.step(piece)
        again, readings_again = twin.step(resumed)
        assert torch.equal(gradient, again)
        assert {name: value.item() for name, value in readings.items()} == {
            name: value.item() for name, value in readings_again.items()
        }


@every_kind
@pytest.mark.parametrize("groups", [("only",), ("a", "b"), ("a", "b", "c"), ("v", "w", "x", "y", "z")])
def test_any_number_of_groups_under_any_names_gives_a_finite_step_that_lowers_the_losses(kind, options, groups):
    options = {name: value for name, value in options.items() if name != "factors"}
    options |= {"task": groups[0]} if kind == "dot" else {}
    options |= {"factors": {groups[-1]: 0.5}} if kind in ("fixed", "scheduled") else {}
    toy, piece = Toy(groups), balance(kind, groups, **options)
    first = toy.losses()[0]
    for _ in range(20):
        gradient, readings = toy.step(piece)
        assert gradient.isfinite().all()
        assert all(value.isfinite() for value in readings.values())
    assert any(toy.losses()[0][name] < first[name] for name in groups)


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind not in ("fixed", "scheduled")])
def test_with_one_group_a_balance_passes_through(kind):
    weight = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    balance(kind, ["task"]).backward({"task": weight @ torch.tensor([2.0, 1.0]).double() + 1}, [weight])
    torch.testing.assert_close(weight.grad, torch.tensor([2.0, 1.0]).double())


@every_kind
def test_a_group_may_be_missing_for_a_while(kind, options):
    toy, piece = Toy(), balance(kind, **options)
    for step in range(4):
        losses, shared = toy.losses()
        if step < 2:
            del losses["distill"]
        for parameter in toy.parameters:
            parameter.grad = None
        piece.backward(losses, toy.parameters, shared, epoch=1.0)
        assert all(parameter.grad.isfinite().all() for parameter in toy.parameters)


@every_kind
def test_the_readings_of_a_step_stay_as_they_are(kind, options):
    toy, piece = Toy(), balance(kind, **options)
    readings = toy.step(piece)[1]
    held = {name: value.item() for name, value in readings.items()}
    for _ in range(3):
        toy.step(piece)
    assert {name: value.item() for name, value in readings.items()} == held


@every_kind
def test_a_group_that_the_balance_was_not_made_for_is_refused(kind, options):
    weight = nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError, match="no group hint"):
        balance(kind, **options).backward({"hint": weight.sum()}, [weight])


EXACT_IN_PARTS = [(kind, options) for kind, options in KINDS if options.get("form") not in ("amortised", "cheap")]


@pytest.mark.parametrize(("kind", "options"), EXACT_IN_PARTS)
def test_micro_batches_add_up_to_the_step_of_the_whole_batch(kind, options):
    whole, parts = Toy(), Toy()
    one, other = balance(kind, **options), balance(kind, **options)
    for _ in range(4):
        expected, readings = whole.step(one)
        gradient, readings_of_parts = parts.step(other, parts=4)
        torch.testing.assert_close(gradient, expected)
        assert readings.keys() == readings_of_parts.keys()
        for name, value in readings.items():
            torch.testing.assert_close(readings_of_parts[name], value)


@pytest.mark.parametrize("form", ["amortised", "cheap"])
def test_forms_of_one_backward_pass_end_micro_batches_with_the_weights_of_the_whole_batch(form):
    whole, parts = Toy(), Toy()
    expected, readings = whole.step(balance("mokd", form=form))
    gradient, readings_of_parts = parts.step(balance("mokd", form=form), parts=4)
    torch.testing.assert_close(readings_of_parts["weight.task"], readings["weight.task"])
    assert torch.nn.functional.cosine_similarity(gradient, expected, dim=0) > 0.99


@every_kind
def test_bfloat16_gradients_agree_with_those_of_double_precision(kind, options):
    precise, _ = Toy().step(balance(kind, **options))
    coarse, _ = Toy(dtype=torch.bfloat16).step(balance(kind, **options))
    assert coarse.dtype == torch.bfloat16
    assert torch.nn.functional.cosine_similarity(coarse.double(), precise, dim=0) > 0.99


@every_kind
def test_forward_passes_under_autocast_leave_gradients_of_the_parameters_type(kind, options):
    toy, piece = Toy(dtype=torch.float32), balance(kind, **options)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses, shared = toy.losses()
    assert shared[0].dtype == torch.bfloat16
    piece.backward({name: loss.float() for name, loss in losses.items()}, toy.parameters, shared)
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in toy.parameters)


@every_kind
def test_a_loss_that_is_not_finite_does_not_enter_the_state(kind, options):
    toy, piece = Toy(), balance(kind, **options)
    toy.step(piece)
    losses, shared = toy.losses()
    losses["distill"] = losses["distill"] * torch.nan
    for parameter in toy.parameters:
        parameter.grad = None
    piece.backward(losses, toy.parameters, shared)
    piece.after_step({"task": torch.tensor(1.0), "distill": torch.tensor(1.0)}, losses)
    state = {name: value for name, value in piece.state_dict().items() if isinstance(value, torch.Tensor)}
    assert all(value.isfinite().all() for value in state.values())


MEASURED = [(kind, options) for kind, options in KINDS if "measure_every" in BALANCES[kind].options.model_fields]


@pytest.mark.parametrize(("kind", "options"), MEASURED)
def test_conflict_and_dominance_are_measured_every_so_many_steps_and_change_nothing(kind, options):
    plain, watched = Toy(), Toy()
    one, other = balance(kind, **options), balance(kind, measure_every=3, **options)
    for step in range(7):
        expected, _ = plain.step(one)
        gradient, readings = watched.step(other)
        if options.get("form") != "cheap":
            torch.testing.assert_close(gradient, expected)
        if step % 3 == 0:
            assert {"cosine", "norm.task", "norm.distill", "norm_ratio.distill_to_task"} <= set(readings)
            assert readings["norm_ratio.distill_to_task"] > 1


def test_with_three_groups_every_two_are_compared():
    _, readings = Toy(("a", "b", "c")).step(balance("pcgrad", ("a", "b", "c")))
    assert {"cosine.a.b", "cosine.a.c", "cosine.b.c", "norm_ratio.c_to_a"} <= set(readings)


def test_conflict_and_dominance_are_those_of_the_gradients():
    weight = nn.Parameter(torch.zeros(2))
    groups = {"task": weight[0] + 1, "distill": 1 - 3 * weight[0]}
    readings = balance("fixed", measure_every=1).backward(groups, [weight])
    assert readings["cosine"].item() == pytest.approx(-1)
    assert readings["norm_ratio.distill_to_task"].item() == pytest.approx(3)


def test_the_mean_over_processes_is_asked_for_gradients_and_losses():
    """Two processes that see the same give what one gives, whatever the mean is asked for."""
    alone, together = Toy(), Toy()
    piece, sharing = balance("mokd"), balance("mokd")
    sharing.reduce = lambda tensor: (tensor + tensor.clone()) / 2
    torch.testing.assert_close(alone.step(piece)[0], together.step(sharing)[0])
    doubling = balance("fixed")
    doubling.reduce = lambda tensor: 2 * tensor
    torch.testing.assert_close(Toy().step(doubling)[0], 2 * Toy().step(balance("fixed"))[0])


def test_losses_that_depend_on_nothing_that_learns_give_no_gradient():
    weight = nn.Parameter(torch.ones(2))
    for kind in CLASSES:
        weight.grad = None
        options = {"dot": {"task": "a"}, "scheduled": {"factors": {}}}.get(kind, {})
        balance(kind, ("a", "b"), **options).backward({"a": torch.tensor(1.0), "b": torch.tensor(2.0)}, [weight])
        assert weight.grad is None or not weight.grad.any()
