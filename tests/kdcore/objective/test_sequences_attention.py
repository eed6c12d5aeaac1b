"""Attention, its relations, and layers of tokens: known answers, and what padding may not do."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.objective import distance

MASK = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 0, 0, 0]])
MAPS, STATES = (2, 3, 5, 5), (2, 5, 8)

ATTENTION = [
    ("attention_mse", {}, MAPS),
    ("attention_mse", {"heads": "sum", "floor": None}, MAPS),
    ("attention_kl", {}, MAPS),
    ("attention_kl", {"heads": "mean"}, MAPS),
    ("attention_relation", {"heads": 2}, STATES),
    ("attention_relation", {}, (2, 3, 5, 4)),
]
ZERO_AT_EQUALITY = [*ATTENTION, ("token_flow", {}, STATES), ("token_similarity", {}, STATES)]
ALL = [*ZERO_AT_EQUALITY, ("attention_ce", {}, MAPS)]


def noise(shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def gradient(name, options, student, teacher, **given_too):
    student = student.clone().requires_grad_()
    loss = distance(name, **options)(student, teacher, **given_too)
    loss.backward()
    return loss.detach(), student.grad


def cut(tensor, length):
    """Only the first tokens, of states as of attention."""
    if tensor.shape[-1] == tensor.shape[-2] and tensor.shape[-1] != tensor.shape[1]:
        return tensor[..., :length, :length]
    return tensor[:, :length] if tensor.ndim == 3 else tensor[:, :, :length]


@pytest.mark.parametrize(("name", "options", "shape"), ZERO_AT_EQUALITY)
def test_equal_layers_cost_nothing_and_pull_nowhere(name, options, shape):
    loss, pull = gradient(name, options, noise(shape), noise(shape), context={"mask": MASK})
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert pull.abs().max() < 1e-12


@pytest.mark.parametrize(("name", "options", "shape"), ALL)
def test_no_gradient_reaches_the_teachers_layer(name, options, shape):
    teacher = noise(shape, 1).requires_grad_()
    _, pull = gradient(name, options, noise(shape), teacher)
    assert teacher.grad is None
    assert pull.abs().sum() > 0


@pytest.mark.parametrize(("name", "options", "shape"), ALL)
def test_the_gradient_of_a_layer_is_the_finite_difference(name, options, shape):
    student, teacher = noise(shape).requires_grad_(), noise(shape, 1)
    assert torch.autograd.gradcheck(lambda s: distance(name, **options)(s, teacher, context={"mask": MASK}), student)


@pytest.mark.parametrize("junk", [1e30, torch.inf, torch.nan])
@pytest.mark.parametrize(("name", "options", "shape"), ALL)
def test_what_stands_at_padded_tokens_changes_neither_loss_nor_gradient(name, options, shape, junk):
    sides = noise(shape), noise(shape, 1)
    keep = MASK.bool()
    if name.startswith("attention_") and name != "attention_relation":
        keep = (keep[:, None, :, None] & keep[:, None, None, :]).expand(shape)
    elif len(shape) == 4:
        keep = keep[:, None, :, None].expand(shape)
    else:
        keep = keep[..., None].expand(shape)
    filled = [side.masked_fill(~keep, junk) for side in sides]
    loss, pull = gradient(name, options, *sides, context={"mask": MASK})
    other, other_pull = gradient(name, options, *filled, context={"mask": MASK})
    assert other == loss
    assert torch.equal(other_pull, pull)
    assert pull[~keep].abs().sum() == 0


@pytest.mark.parametrize(("name", "options", "shape"), ALL)
def test_without_its_padding_a_layer_costs_the_same(name, options, shape):
    student, teacher = noise(shape), noise(shape, 1)
    mask = torch.tensor([[1, 1, 1, 0, 0]] * 2)
    masked = distance(name, **options)(student, teacher, context={"mask": mask})
    torch.testing.assert_close(masked, distance(name, **options)(cut(student, 3), cut(teacher, 3)))


@pytest.mark.parametrize(("name", "options", "shape"), ALL)
def test_a_layer_of_padding_only_costs_nothing_and_pulls_nowhere(name, options, shape):
    loss, pull = gradient(name, options, noise(shape), noise(shape, 1), context={"mask": torch.zeros(2, 5)})
    assert loss.item() == 0
    assert pull.abs().sum() == 0


@pytest.mark.parametrize(("name", "options", "shape"), ALL)
def test_one_padded_sequence_beside_a_real_one_stays_finite(name, options, shape):
    mask = torch.tensor([[1, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
    loss, pull = gradient(name, options, noise(shape), noise(shape, 1), context={"mask": mask})
    assert loss.item() > 0
    assert pull.isfinite().all()


@pytest.mark.parametrize(("name", "options", "shape"), ALL)
def test_extreme_layers_stay_finite(name, options, shape):
    student, teacher = 1e4 * noise(shape, dtype=torch.float32).sign(), 1e4 * noise(shape, 1, torch.float32).sign()
    loss, pull = gradient(name, options, student, teacher)
    assert loss.isfinite()
    assert pull.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("name", "options", "shape"), ALL)
def test_half_precision_layers_are_measured_in_float32_under_autocast(name, options, shape, dtype):
    student, teacher = noise(shape).to(dtype), noise(shape, 1).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, pull = gradient(name, options, student, teacher)
    assert loss.dtype == torch.float32
    assert pull.isfinite().all()
    torch.testing.assert_close(loss, distance(name, **options)(student.float(), teacher.float()))


@pytest.mark.parametrize(("name", "options", "shape"), ZERO_AT_EQUALITY)
def test_a_shuffled_teacher_layer_costs_more_than_the_true_one(name, options, shape):
    teacher = noise((32, *shape[1:]))
    student = teacher + 0.05 * noise(teacher.shape, 1)
    assert distance(name, **options)(student, teacher.roll(1, 0)) > 10 * distance(name, **options)(student, teacher)


def test_scores_at_or_below_the_floor_count_as_zero():
    teacher = torch.tensor([[[[1.0, -1e4], [2.0, -1e4]]]])
    student = torch.tensor([[[[3.0, -1e9], [2.0, 0.0]]]])
    assert distance("attention_mse")(student, teacher).item() == 1.0


def test_attention_cross_entropy_is_the_divergence_and_the_teachers_entropy():
    student, teacher = noise(MAPS), noise(MAPS, 1)
    entropy = -(teacher.softmax(-1) * teacher.log_softmax(-1)).sum(-1).mean()
    ce, kl = (distance(name)(student, teacher) for name in ("attention_ce", "attention_kl"))
    torch.testing.assert_close(ce, kl + entropy)


def test_probabilities_and_the_scores_behind_them_cost_the_same():
    student, teacher = noise(MAPS), noise(MAPS, 1)
    given_scores = distance("attention_kl")(student, teacher)
    given_probabilities = distance("attention_kl", given="probabilities")(student.softmax(-1), teacher.softmax(-1))
    torch.testing.assert_close(given_probabilities, given_scores)


def test_probabilities_of_zero_are_finite():
    teacher = torch.eye(4)[None, None]
    student = teacher.roll(1, -1).clone()
    loss, pull = gradient("attention_kl", {"given": "probabilities"}, student, teacher)
    assert loss.isfinite()
    assert pull.isfinite().all()


def test_networks_with_different_numbers_of_heads_meet_in_their_mean():
    student = noise((2, 3, 5, 5))
    teacher = student.repeat(1, 2, 1, 1)
    assert distance("attention_kl", heads="mean")(student, teacher).item() == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="attention_mse compares equal shapes"):
        distance("attention_mse")(student, teacher)


def test_the_relation_of_two_opposite_tokens_has_its_value_by_hand():
    """Rows (2, 0) and (-2, 0) give scores of plus and minus 4 over the root of 2; a silent student is even."""
    teacher, student = torch.tensor([[[2.0, 0.0], [-2.0, 0.0]]], dtype=torch.float64), torch.zeros(1, 2, 3).double()
    own = 1 / (1 + math.exp(-8 / math.sqrt(2)))
    expected = own * math.log(2 * own) + (1 - own) * math.log(2 * (1 - own))
    assert distance("attention_relation")(student, teacher).item() == pytest.approx(expected, rel=1e-9)


def test_relations_join_networks_of_any_width_by_their_number_of_heads():
    narrow, wide = noise((2, 5, 8)), noise((2, 5, 24), 1)
    cut_up = wide.reshape(2, 5, 4, 6).transpose(1, 2)
    torch.testing.assert_close(
        distance("attention_relation", heads=4)(narrow, wide), distance("attention_relation", heads=4)(narrow, cut_up)
    )
    with pytest.raises(ValueError, match="set heads to a number that divides both widths"):
        distance("attention_relation")(narrow, cut_up)
    with pytest.raises(ValueError, match="into 3 heads of equal width"):
        distance("attention_relation", heads=3)(narrow, wide)


@settings(max_examples=20)
@given(st.integers(0, 100))
def test_relations_and_similarities_do_not_change_when_a_side_is_rotated(seed):
    student, teacher = noise(STATES, seed), noise(STATES, seed + 1)
    rotation = torch.linalg.qr(noise((8, 8), seed + 2)).Q
    for name in ("attention_relation", "token_similarity"):
        torch.testing.assert_close(distance(name)(student @ rotation, teacher), distance(name)(student, teacher))


def test_two_layers_are_related_across_and_one_with_itself():
    first, second, teacher = noise(STATES), noise(STATES, 1), noise(STATES, 2)
    for name in ("token_flow", "token_similarity"):
        piece = distance(name)
        torch.testing.assert_close(piece([first], [teacher]), piece([first, first], [teacher, teacher]))
        assert piece([first, second], [teacher, teacher]) != piece([first], [teacher])


def test_the_flow_of_two_layers_has_its_value_by_hand():
    one, two = torch.tensor([[[1.0], [2.0], [9.0]]]), torch.tensor([[[3.0], [4.0], [9.0]]])
    silent = torch.zeros(1, 3, 1)
    mask = {"mask": torch.tensor([[1, 1, 0]])}
    flow = distance("token_flow")([one, two], [silent, silent], context=mask)
    assert flow.item() == pytest.approx(((1 * 3 + 2 * 4) / 2) ** 2)
    similar = distance("token_similarity")([one, two], [silent, silent], context=mask)
    assert similar.item() == pytest.approx((3**2 + 4**2 + 6**2 + 8**2) / 4)


@pytest.mark.parametrize("name", ["token_flow", "token_similarity"])
def test_three_layers_at_once_and_maps_are_refused(name):
    with pytest.raises(ValueError, match="two layers"):
        distance(name)([noise(STATES)] * 3, [noise(STATES)] * 3)
    with pytest.raises(ValueError, match=r"looks at tokens \[B, L, D\]"):
        distance(name)(noise((2, 4, 5, 5)), noise((2, 4, 5, 5)))


def test_attention_that_is_no_square_is_refused():
    with pytest.raises(ValueError, match="choose an attention layer"):
        distance("attention_mse")(noise((2, 3, 5, 4)), noise((2, 3, 5, 4)))
