"""Divergences of tokens: known answers, and what padding may not do."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.objective import distance
from kdcore.objective.distances import UNLABELLED

TEACHER = torch.tensor([[0.5, 0.5, 0.0]], dtype=torch.float64).log()
STUDENT = torch.tensor([[0.0, 0.5, 0.5]], dtype=torch.float64).log()

ZERO_AT_EQUALITY = [
    ("kl", {}),
    ("reverse_kl", {}),
    ("symmetric_kl", {"forward_share": 0.3}),
    ("jsd", {"beta": 0.5}),
    ("jsd", {"beta": 0.1, "temperature": 2}),
    ("skew_kl", {}),
    ("skew_kl", {"direction": "reverse"}),
    ("tvd", {}),
    ("top_k_kl", {"k": 3}),
    ("top_k_kl", {"k": 3, "rest": "renormalise"}),
]
ALL = [*ZERO_AT_EQUALITY, ("soft_cross_entropy", {})]
SMOOTH = [row for row in ALL if row[0] != "tvd"]


def noise(shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def gradient(name, options, student, teacher, **given_too):
    student = student.clone().requires_grad_()
    loss = distance(name, **options)(student, teacher, **given_too)
    loss.backward()
    return loss.detach(), student.grad


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("jsd", {"beta": 0.5}, 0.5 * math.log(2)),
        ("skew_kl", {"alpha": 0.1}, 0.5 * math.log(10)),
        ("skew_kl", {"alpha": 0.1, "direction": "reverse"}, 0.5 * math.log(10)),
        ("tvd", {}, 0.5),
    ],
)
def test_two_distributions_that_share_half_have_their_textbook_distance(name, options, expected):
    assert distance(name, **options)(STUDENT, TEACHER).item() == pytest.approx(expected, abs=1e-12)


def test_the_divergence_of_coins_is_taken_in_the_direction_of_its_name():
    teacher, student = torch.tensor([[0.75, 0.25]]).log(), torch.tensor([[0.5, 0.5]]).log()
    forward = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    reverse = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    assert distance("kl", temperature=1)(student, teacher).item() == pytest.approx(forward, rel=1e-6)
    assert distance("reverse_kl")(student, teacher).item() == pytest.approx(reverse, rel=1e-6)
    symmetric = distance("symmetric_kl", forward_share=0.25)(student, teacher).item()
    assert symmetric == pytest.approx(0.25 * forward + 0.75 * reverse, rel=1e-6)


@pytest.mark.parametrize(("end", "near", "name"), [(0, 1e-6, "kl"), (1, 1 - 1e-6, "reverse_kl")])
def test_the_ends_of_jsd_are_the_divergences_that_it_tends_to_per_share(end, near, name):
    student, teacher = noise((5, 7)), noise((5, 7), 1)
    options = {"temperature": 1}
    limit = distance("jsd", beta=near)(student, teacher) / min(near, 1 - near)
    expected = distance(name, **options)(student, teacher)
    torch.testing.assert_close(limit, expected, rtol=1e-4, atol=0)
    torch.testing.assert_close(distance("jsd", beta=end)(student, teacher), expected)


@given(st.floats(0.01, 0.99), st.integers(0, 50))
def test_skewing_bounds_the_divergence_by_the_logarithm_of_alpha(alpha, seed):
    student, teacher = 50 * noise((4, 6), seed), 50 * noise((4, 6), seed + 1)
    assert distance("skew_kl", alpha=alpha)(student, teacher).item() <= -math.log(alpha) + 1e-9


@given(st.integers(0, 50))
def test_the_even_jsd_is_symmetric_and_at_most_the_logarithm_of_two(seed):
    student, teacher = 20 * noise((4, 6), seed), 20 * noise((4, 6), seed + 1)
    there, back = distance("jsd")(student, teacher), distance("jsd")(teacher, student)
    torch.testing.assert_close(there, back)
    assert -1e-12 <= there.item() <= math.log(2) + 1e-12


@pytest.mark.parametrize(("name", "options"), ZERO_AT_EQUALITY)
def test_equal_tokens_cost_nothing_and_pull_nowhere(name, options):
    student = noise((2, 5, 8))
    loss, pull = gradient(name, options, student, student.clone())
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert pull.abs().max() < 1e-12


@pytest.mark.parametrize(("name", "options"), ALL)
def test_no_gradient_reaches_the_teachers_tokens(name, options):
    teacher = noise((2, 5, 8), 1).requires_grad_()
    gradient(name, options, noise((2, 5, 8)), teacher)
    assert teacher.grad is None


@pytest.mark.parametrize(("name", "options"), ALL)
def test_the_gradient_of_tokens_is_the_finite_difference(name, options):
    student, teacher = noise((2, 3, 6)).requires_grad_(), noise((2, 3, 6), 1)
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    assert torch.autograd.gradcheck(lambda s: distance(name, **options)(s, teacher, context={"mask": mask}), student)


@pytest.mark.parametrize(("name", "options"), ALL)
def test_extreme_and_impossible_logits_stay_finite(name, options):
    student = torch.tensor([[[1e4, 0.0, -1e4, 3.0, 1.0], [-1e4, 1e4, 0.0, -torch.inf, 1.0]]])
    loss, pull = gradient(name, options, student, student.flip(-1).clone())
    assert loss.isfinite()
    assert pull.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("name", "options"), ALL)
def test_half_precision_tokens_are_measured_in_float32_under_autocast(name, options, dtype):
    student, teacher = noise((2, 3, 6)).to(dtype), noise((2, 3, 6), 1).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, pull = gradient(name, options, student, teacher)
    assert loss.dtype == torch.float32
    assert pull.isfinite().all()
    torch.testing.assert_close(loss, distance(name, **options)(student.float(), teacher.float()))


@pytest.mark.parametrize("by", ["mask", "labels"])
@pytest.mark.parametrize(("name", "options"), ALL)
def test_a_batch_of_padding_only_costs_nothing_and_pulls_nowhere(name, options, by):
    given_too = {"context": {"mask": torch.zeros(2, 5)}}
    if by == "labels":
        given_too = {"target": torch.full((2, 5), UNLABELLED)}
    loss, pull = gradient(name, options, noise((2, 5, 8)), noise((2, 5, 8), 1), **given_too)
    assert loss.item() == 0
    assert pull.abs().sum() == 0


@pytest.mark.parametrize("junk", [0.0, 1e30, torch.inf, torch.nan])
@pytest.mark.parametrize(("name", "options"), ALL)
def test_what_stands_at_padding_changes_neither_loss_nor_gradient(name, options, junk):
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0]])
    sides = noise((2, 5, 8)), noise((2, 5, 8), 1)
    filled = [side.masked_fill(mask[..., None] == 0, junk) for side in sides]
    loss, pull = gradient(name, options, *sides, context={"mask": mask})
    other, other_pull = gradient(name, options, *filled, context={"mask": mask})
    assert other == loss
    assert torch.equal(other_pull, pull)
    assert pull[mask == 0].abs().sum() == 0


@settings(max_examples=20)
@given(st.integers(1, 6), st.integers(0, 5), st.sampled_from(ALL), st.integers(0, 20))
def test_the_length_of_the_padding_does_not_matter(length, padding, row, seed):
    name, options = row
    student, teacher = noise((2, length, 8), seed), noise((2, length, 8), seed + 1)
    longer = [torch.cat([side, noise((2, padding, 8), seed + 2)], 1) for side in (student, teacher)]
    mask = torch.cat([torch.ones(2, length), torch.zeros(2, padding)], 1)
    torch.testing.assert_close(
        distance(name, **options)(*longer, context={"mask": mask}), distance(name, **options)(student, teacher)
    )


def test_ignored_labels_count_as_padding_and_a_mask_takes_their_place():
    student, teacher = noise((2, 3, 6)), noise((2, 3, 6), 1)
    labels = torch.tensor([[UNLABELLED, 2, 3], [1, UNLABELLED, UNLABELLED]])
    kl = distance("kl", temperature=1)
    torch.testing.assert_close(kl(student, teacher, labels), kl(student[labels >= 0], teacher[labels >= 0]))
    everything = {"mask": torch.ones(2, 3)}
    torch.testing.assert_close(kl(student, teacher, labels, context=everything), kl(student, teacher))


def test_pictures_without_a_label_still_follow_the_teacher():
    student, teacher = noise((4, 6)), noise((4, 6), 1)
    labels = torch.full((4,), UNLABELLED)
    assert distance("kl")(student, teacher, labels) == distance("kl")(student, teacher)


def test_a_mask_of_tokens_says_nothing_of_the_class_of_a_whole_text():
    student, teacher = noise((4, 6)), noise((4, 6), 1)
    assert distance("kl")(student, teacher, context={"mask": torch.zeros(4, 9)}) == distance("kl")(student, teacher)


def test_a_mask_of_another_length_is_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"the mask of tokens \(2, 5\) has shape \(2, 4\)"):
        distance("kl")(noise((2, 5, 8)), noise((2, 5, 8), 1), context={"mask": torch.ones(2, 4)})


def test_vocabularies_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match=r"kl compares equal shapes \(student \(2, 5, 8\), teacher \(2, 5, 9\)\)"):
        distance("kl")(noise((2, 5, 8)), noise((2, 5, 9)))


def test_cross_entropy_of_tokens_averages_over_the_labelled_ones():
    logits, labels = noise((2, 3, 6)), torch.tensor([[UNLABELLED, 2, 3], [1, UNLABELLED, UNLABELLED]])
    some = distance("cross_entropy")(logits, None, labels)
    torch.testing.assert_close(some, distance("cross_entropy")(logits[labels >= 0], None, labels[labels >= 0]))


@pytest.mark.parametrize(("name", "options"), ZERO_AT_EQUALITY)
def test_a_shuffled_teacher_of_tokens_costs_more_than_the_true_one(name, options):
    teacher = 3 * noise((32, 4, 8))
    student = teacher + 0.1 * noise((32, 4, 8), 1)
    assert distance(name, **options)(student, teacher.roll(1, 0)) > 4 * distance(name, **options)(student, teacher)
