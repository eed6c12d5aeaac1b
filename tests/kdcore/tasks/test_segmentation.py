"""Masks judged by hand and by torchmetrics' definition; ignored pixels count nowhere; masks turn with pictures."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import task

from kdcore.objective import distance
from kdcore.objective.distances import UNLABELLED
from kdcore.tasks.segmentation import Segmentation


def of(count):
    found = task(count, task="segmentation")
    assert isinstance(found, Segmentation)
    return found


def drawn(seed, pictures=4, classes=3, side=6, unknown=0.2):
    stream = torch.Generator().manual_seed(seed)
    answers = torch.randn(pictures, classes, side, side, generator=stream)
    targets = torch.randint(0, classes, (pictures, side, side), generator=stream)
    blank = torch.rand(targets.shape, generator=stream) < unknown
    return answers, torch.where(blank, UNLABELLED, targets)


def test_overlaps_of_two_small_masks_are_those_worked_out_by_hand():
    targets = torch.tensor([[[0, 0, 1], [1, 2, UNLABELLED]]])
    answered = torch.tensor([[[0, 1, 1], [1, 0, 2]]])
    judged = of(4).judged(answered, targets)
    assert float(judged.figures()["miou"]) == pytest.approx((1 / 3 + 2 / 3 + 0) / 3)
    assert float(judged.figures()["pixel_accuracy"]) == pytest.approx(3 / 5)
    values = [(one["examples"], one["value"]) for one in judged.by_class()]
    assert values == [(2, pytest.approx(1 / 3)), (2, pytest.approx(2 / 3)), (1, 0.0), (0, None)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_figures_are_those_of_the_whole_split_s_confusion_matrix(seed):
    answers, targets = drawn(seed)
    said, known = answers.argmax(1), targets != UNLABELLED
    matrix = torch.zeros(3, 3, dtype=torch.float64)
    for true, answer in zip(targets[known].tolist(), said[known].tolist(), strict=True):
        matrix[true, answer] += 1
    union = matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    expected = (matrix.diagonal() / union)[union > 0].mean()
    found = of(3).judged(answers, targets).figures()
    assert float(found["miou"]) == pytest.approx(float(expected))
    assert float(found["pixel_accuracy"]) == pytest.approx(float(matrix.trace() / matrix.sum()))


def test_rows_of_two_halves_are_those_of_the_whole_and_classes_are_as_good_as_logits():
    answers, targets = drawn(0)
    kind = of(3)
    whole = kind.statistics(answers, targets)
    halves = [kind.statistics(answers[part], targets[part]) for part in (slice(0, 1), slice(1, 4))]
    assert torch.equal(whole, torch.cat(halves))
    assert torch.equal(whole, kind.statistics(answers.argmax(1).byte(), targets))


def test_a_perfect_answer_is_one_and_what_an_ignored_pixel_says_changes_nothing():
    answers, targets = drawn(1)
    kind = of(3)
    right = torch.where(targets == UNLABELLED, 0, targets)
    assert {float(value) for value in kind.judged(right, targets).figures().values()} == {1.0}
    other = torch.where(targets == UNLABELLED, 2, answers.argmax(1))
    assert torch.equal(kind.statistics(other, targets), kind.statistics(answers, targets))


def test_answers_keep_a_class_for_each_pixel_and_are_alike_by_pixels():
    network = torch.nn.Conv2d(3, 5, 1)
    pictures = torch.rand(7, 3, 8, 9)
    answers = of(5).answers(network, pictures)
    assert answers.dtype == torch.uint8
    assert torch.equal(answers.long(), network(pictures).argmax(1))
    changed = answers.clone()
    changed[0, 0, 0] = (changed[0, 0, 0] + 1) % 5
    assert of(5).alike(answers, changed) == pytest.approx(1 - 1 / answers.numel())


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=3, max_size=3), st.integers(0, 1000))
def test_masks_are_mirrored_with_their_pictures(chosen, seed):
    _, masks = drawn(seed, pictures=3)
    turned = of(3).turned(masks, torch.tensor(chosen), masks.shape[-1])
    for mask, own, mirrored in zip(masks, turned, chosen, strict=True):
        assert torch.equal(own, mask.flip(-1) if mirrored else mask)
    assert torch.equal(of(3).turned(turned, torch.tensor(chosen), 6), masks)


def test_the_loss_of_pixels_is_that_of_as_many_pictures_and_ignores_the_same():
    answers, targets = drawn(2)
    rows = answers.movedim(1, -1).reshape(-1, 3)
    found = distance("pixel_cross_entropy")(answers, None, targets)
    assert float(found) == pytest.approx(float(distance("cross_entropy")(rows, None, targets.flatten())), rel=1e-6)
    nothing = distance("pixel_cross_entropy")(answers, None, torch.full_like(targets, UNLABELLED))
    assert float(nothing) == 0


def test_the_divergence_of_pixels_is_that_of_as_many_pictures():
    answers, _ = drawn(3)
    others, _ = drawn(4)
    rows = [one.movedim(1, -1).reshape(-1, 3) for one in (answers, others)]
    for temperature in (1, 4):
        found = distance("pixel_kl", temperature=temperature)(answers, others)
        assert float(found) == pytest.approx(float(distance("kl", temperature=temperature)(*rows)), rel=1e-5)


def test_masks_that_do_not_lie_on_the_outputs_are_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"\(4, 3, 6, 6\) and masks \(4, 5, 6\)"):
        distance("pixel_cross_entropy")(torch.zeros(4, 3, 6, 6), None, torch.zeros(4, 5, 6, dtype=torch.long))
