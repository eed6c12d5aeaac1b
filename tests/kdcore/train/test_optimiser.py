"""Optimisers: their steps by hand, groups with rates of their own, and resuming to the bit."""

import copy
import io

import pytest
import torch
from torch import nn

from kdcore.errors import EngineError
from kdcore.spec.training import Optimizer
from kdcore.train.optimiser import Group, begin_momentum, build, set_rate

NAMES = ("sgd", "adamw", "adafactor", "rmsprop")


def weight(*values):
    return nn.Parameter(torch.tensor(values, dtype=torch.float64))


def stepped(made, parameter, *gradients):
    """Where ``parameter`` is after one step with each gradient."""
    for gradient in gradients:
        parameter.grad = torch.full_like(parameter, gradient)
        made.step()
    return parameter.tolist()


def one(name, *values, **options):
    parameter = weight(*values)
    return build(Optimizer(name=name, **{"lr": 0.1, "weight_decay": 0, **options}), [Group([parameter])]), parameter


def test_nesterov_looks_ahead_by_one_step_of_the_momentum():
    # v1 = 1, step 1 + 0.5 * 1; v2 = 0.5 + 1, step 1 + 0.5 * 1.5
    assert stepped(*one("sgd", 0.0, momentum=0.5), 1.0, 1.0) == pytest.approx([-0.1 * (1.5 + 1.75)])


def test_without_nesterov_the_step_is_the_momentum():
    assert stepped(*one("sgd", 0.0, momentum=0.5, nesterov=False), 1.0, 1.0) == pytest.approx([-0.1 * (1 + 1.5)])


def test_sgd_without_momentum_is_plain_whatever_nesterov_says():
    assert stepped(*one("sgd", 0.0, momentum=0), 1.0, 1.0) == pytest.approx([-0.2])


def test_sgd_s_weight_decay_is_a_gradient_and_adamw_s_is_not():
    assert stepped(*one("sgd", 2.0, momentum=0, weight_decay=0.5), 0.0) == pytest.approx([2 - 0.1 * 0.5 * 2])
    # AdamW's first step is the rate itself, in the gradient's direction
    assert stepped(*one("adamw", 2.0, weight_decay=0.5), 3.0) == pytest.approx([2 * (1 - 0.05) - 0.1])


def test_adamw_forgets_by_its_betas():
    # without memory every step is the rate in the direction of its own gradient
    assert stepped(*one("adamw", 0.0, betas=(0, 0)), 1.0, -5.0, 7.0) == pytest.approx([-0.1])


def test_rmsprop_divides_by_the_root_of_its_fading_mean_of_squares():
    # mean of squares 0.1, then 0.9 * 0.1 + 0.1 * 4
    expected = -0.1 * (1 / 0.1**0.5 + 2 / 0.49**0.5)
    assert stepped(*one("rmsprop", 0.0), 1.0, 2.0) == pytest.approx([expected])
    assert stepped(*one("rmsprop", 0.0, alpha=0), 1.0, 2.0) == pytest.approx([-0.2])


def test_rmsprop_with_momentum_gathers_the_divided_gradients():
    assert stepped(*one("rmsprop", 0.0, alpha=0, momentum=0.5), 1.0, 1.0) == pytest.approx([-0.1 * (1 + 1.5)])


def test_adafactor_s_first_step_is_its_rate_relative_to_the_size_of_the_weights():
    # the first mean of squares is the square itself, so the update is the sign; the weights' root mean square is 5
    parameter = nn.Parameter(torch.tensor([[5.0, 5.0], [-5.0, 5.0]], dtype=torch.float64))
    made = build(Optimizer(name="adafactor", lr=0.1), [Group([parameter])])
    assert stepped(made, parameter, 3.0) == [pytest.approx([4.5, 4.5]), pytest.approx([-5.5, 4.5])]


def test_every_group_moves_at_its_own_rate():
    slow, fast = weight(0.0), weight(0.0)
    made = build(Optimizer(lr=1, momentum=0, weight_decay=0), [Group([slow], rate=0.1), Group([fast])])
    set_rate(made, 2.0)
    slow.grad, fast.grad = torch.ones_like(slow), torch.ones_like(fast)
    made.step()
    assert (slow.item(), fast.item()) == pytest.approx((-0.2, -2.0))


def test_groups_of_the_same_rate_become_one():
    groups = [Group([weight(1.0)], rate=rate) for rate in (1.0, 0.5, 1.0, 0.5)]
    found = [(group["scale"], len(group["params"])) for group in build(Optimizer(), groups).param_groups]
    assert found == [(1.0, 2), (0.5, 2)]


@pytest.mark.parametrize(("decay_norms", "pulled"), [(True, {0, 1, 2, 3}), (False, {0, 2})])
def test_weight_decay_leaves_biases_and_norms_alone_where_it_is_told_to(decay_norms, pulled):
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    own = nn.Parameter(torch.ones(2, 2))
    before = copy.deepcopy([*network.parameters(), own])
    options = Optimizer(momentum=0, lr=1, weight_decay=0.5, decay_norms=decay_norms)
    made = build(options, [Group(list(network.parameters())), Group([own], decay=False)])
    for parameter in (*network.parameters(), own):
        parameter.grad = torch.zeros_like(parameter)
    made.step()
    moved = {i for i, (a, b) in enumerate(zip(before, [*network.parameters(), own], strict=True)) if not a.equal(b)}
    assert moved == pulled


def test_a_momentum_kept_elsewhere_makes_the_decay_as_strong_as_through_it():
    parameter = weight(1.0)
    made = build(Optimizer(lr=1, weight_decay=0.01), [Group([parameter])], kept_elsewhere=0.9)
    assert stepped(made, parameter, 0.0) == pytest.approx([1 - 0.1])
    assert made.param_groups[0]["momentum"] == 0


def test_when_nothing_learns_the_error_says_where_to_look():
    with pytest.raises(EngineError, match="nothing learns: take layers out") as caught:
        build(Optimizer(), [Group([])])
    assert caught.value.param == "/training/freeze"


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_the_fused_step_is_torch_s_plain_one_but_for_rounding(name):
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.ones(33, 7)) for _ in range(2))
    made = build(Optimizer(name=name, lr=0.1), [Group([ours])])
    assert made.param_groups[0]["fused"]
    given = {"sgd": ("momentum", "nesterov"), "adamw": ("betas",)}[name]
    plain = {option: made.param_groups[0][option] for option in ("lr", "weight_decay", *given)}
    other = type(made)([theirs], **plain, foreach=False)
    for _ in range(5):
        ours.grad = torch.randn(33, 7)
        theirs.grad = ours.grad.clone()
        made.step()
        other.step()
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_an_optimiser_taken_up_from_a_file_goes_on_to_the_same_bits(name):
    def start():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(5, 9), nn.Linear(9, 3))
        groups = [Group(list(network[0].parameters())), Group(list(network[1].parameters()), rate=0.3)]
        return network, build(Optimizer(name=name, decay_norms=False), groups)

    def train(network, made, steps):
        for step in steps:
            generator = torch.Generator().manual_seed(step)
            made.zero_grad()
            network(torch.randn(8, 5, generator=generator)).square().sum().backward()
            set_rate(made, 0.01 / (1 + step))
            made.step()

    network, made = start()
    train(network, made, range(4))
    file = io.BytesIO()
    torch.save((network.state_dict(), made.state_dict()), file)
    file.seek(0)
    train(network, made, range(4, 9))
    again, taken_up = start()
    weights, state = torch.load(file, weights_only=True)
    again.load_state_dict(weights)
    taken_up.load_state_dict(state)
    train(again, taken_up, range(4, 9))
    assert all(a.equal(b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("nesterov", [True, False])
def test_a_weight_whose_gradient_comes_late_moves_as_in_the_plain_loop(nesterov):
    options = {"lr": 0.1, "momentum": 0.9, "nesterov": nesterov}
    early, late = weight(1.0, 2.0), weight(3.0)
    ours = build(Optimizer(name="sgd", weight_decay=0.01, **options), [Group([early, late])])
    others = weight(1.0, 2.0), weight(3.0)
    plain = torch.optim.SGD(others, weight_decay=0.01, foreach=False, fused=False, **options)
    for step in range(4):
        for pair in ((early, late), others):
            pair[0].grad = torch.ones_like(pair[0])
            pair[1].grad = torch.full_like(pair[1], 2.0) if step > 1 else None
        begin_momentum(ours)
        ours.step()
        plain.step()
    assert [one.tolist() for one in (early, late)] == [pytest.approx(one.tolist()) for one in others]
