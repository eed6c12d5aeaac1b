"""Batches balanced by class."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.data import Examples
from kdcore.data.batches import Batches, Normalise
from kdcore.data.sampler import ClassOrder, EvenOrder
from kdcore.objective.distances import UNLABELLED
from kdcore.spec.training import Augment, Sampler

SIZES = {0: 7, 1: 30, 2: 12, 3: 1, 4: 25}
LABELS = torch.cat([torch.full((size,), label) for label, size in SIZES.items()])


def drawn(classes=3, per_class=4, steps=40, labels=LABELS, candidates=None, seed=0, epoch=0):
    places = torch.arange(len(labels)) if candidates is None else candidates
    order = ClassOrder(labels, places, Sampler(classes=classes, per_class=per_class), seed)
    return order.epoch(epoch, steps).view(steps, classes, per_class)


def test_every_batch_holds_different_classes_with_so_many_pictures_each():
    for batch in LABELS[drawn()]:
        assert all(len(set(row.tolist())) == 1 for row in batch)
        assert len(set(batch[:, 0].tolist())) == 3


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(0, 4), st.integers(1, 30), st.integers(0, 100))
def test_classes_stay_different_and_count_alike_however_batches_and_classes_fit(classes, more, steps, seed):
    labels = torch.arange(classes + more).repeat_interleave(3)
    shown = labels[drawn(classes, 2, steps, labels, seed=seed)][:, :, 0]
    assert all(len(set(batch.tolist())) == classes for batch in shown)
    counts = torch.bincount(shown.flatten(), minlength=classes + more)
    assert counts.max() - counts.min() <= 1


def test_all_pictures_of_a_class_are_shown_before_one_is_shown_again():
    shown = drawn(per_class=5).flatten()
    for label, size in SIZES.items():
        of_class = shown[LABELS[shown] == label]
        for begin in range(0, len(of_class) - size + 1, size):
            assert len(set(of_class[begin : begin + size].tolist())) == size


def test_a_class_with_fewer_pictures_than_asked_for_shows_them_more_than_once():
    only = drawn()[LABELS[drawn()] == 3]
    assert len(only) > 4
    assert set(only.tolist()) == {(LABELS == 3).nonzero().item()}


def test_pictures_without_a_label_and_others_than_the_candidates_are_left_out():
    labels = LABELS.clone()
    labels[::3] = UNLABELLED
    candidates = torch.arange(0, len(labels), 2)
    shown = drawn(2, 2, 20, labels, candidates).flatten()
    assert (labels[shown] >= 0).all()
    assert set(shown.tolist()) <= set(candidates.tolist())


def test_the_order_follows_from_seed_and_epoch():
    assert torch.equal(drawn(), drawn())
    assert not torch.equal(drawn(), drawn(epoch=1))
    assert not torch.equal(drawn(), drawn(seed=1))
    assert torch.equal(drawn(steps=40)[:10], drawn(steps=10))


def test_more_classes_than_there_are_labelled_ones_are_refused():
    with pytest.raises(ValueError, match=r"6 classes cannot be drawn from pictures of 5"):
        drawn(classes=6)


def evenly(labels=LABELS, steps=20, size=12, epoch=0, seed=0, candidates=None):
    places = torch.arange(len(labels)) if candidates is None else candidates
    return EvenOrder(labels, places, size, seed).epoch(epoch, steps)


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 20), st.integers(1, 16))
def test_by_balanced_weights_classes_and_the_pictures_within_them_come_equally_often(labels, steps, size):
    labels = torch.tensor(labels)
    shown = torch.bincount(evenly(labels, steps, size), minlength=len(labels))
    assert shown.sum() == steps * size
    of_class = [shown[labels == label] for label in labels.unique()]
    sums = torch.stack([counts.sum() for counts in of_class])
    assert sums.max() - sums.min() <= 1
    assert all(counts.max() - counts.min() <= 1 for counts in of_class)


def test_by_balanced_weights_a_batch_holds_what_chance_gives():
    counts = torch.stack([torch.bincount(batch, minlength=5) for batch in LABELS[evenly(steps=500)].view(500, 12)])
    assert (counts.float().mean(0) - 12 / 5).abs().max() < 0.01
    assert (counts.float().var(0) - 12 * 0.2 * 0.8).abs().max() < 0.5


def test_the_weighted_order_follows_from_seed_and_epoch_and_leaves_the_unlabelled_out():
    assert torch.equal(evenly(), evenly())
    assert not torch.equal(evenly(), evenly(epoch=1))
    assert not torch.equal(evenly(), evenly(seed=1))
    labels = LABELS.clone()
    labels[::3] = UNLABELLED
    assert (labels[evenly(labels)] >= 0).all()
    assert set(evenly(candidates=torch.arange(5, 50)).tolist()) <= set(range(5, 50))


def test_weights_go_with_any_batch_size():
    drawn = [batch.index for batch in batches(size=10, sampler=Sampler(weights="balanced"), shift=1).epoch(0)]
    assert [len(index) for index in drawn] == [10] * 9


def test_pictures_without_any_label_cannot_be_weighted():
    with pytest.raises(ValueError, match="none of them has a label"):
        evenly(torch.full((5,), UNLABELLED))


def batches(labels=LABELS, size=12, sampler=Sampler(classes=3, per_class=4), **augment):  # noqa: B008
    images = torch.arange(len(labels), dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 5, 5).contiguous()
    return Batches(
        Examples(images, labels),
        labels,
        torch.arange(len(labels)),
        steps=9,
        batch_size=size,
        seed=0,
        augment=Augment(**augment),
        normalise=Normalise((0.0,), (1 / 255,)),
        sampler=sampler,
    )


def test_batches_show_the_pictures_that_the_sampler_chose():
    for batch in batches().epoch(2):
        assert torch.equal(batch.targets, LABELS[batch.index])
        assert torch.equal(batch.inputs[:, 0, 2, 2], batch.index.float())
        assert torch.bincount(batch.targets, minlength=5).sort().values.tolist() == [0, 0, 4, 4, 4]


@pytest.mark.parametrize("first", [0, 1, 8])
def test_a_balanced_epoch_taken_up_in_the_middle_goes_on_with_the_same_batches(first):
    whole = list(batches(shift=2, flip=True).epoch(1))[first:]
    rest = list(batches(shift=2, flip=True).epoch(1, first))
    assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(whole, rest, strict=True))


def test_a_picture_shown_twice_in_a_batch_is_not_always_changed_alike():
    labels = torch.tensor([0, 1])
    shown = torch.cat([batch.inputs for batch in batches(labels, 8, Sampler(classes=2, per_class=4), shift=2).epoch(0)])
    assert len(shown.flatten(1).unique(dim=0)) > 2


def test_a_batch_size_that_the_sampler_does_not_make_is_refused():
    with pytest.raises(ValueError, match=r"3 classes times 4 \(got 10\)"):
        batches(size=10)


def test_a_run_on_all_pictures_and_one_on_the_labelled_ones_draw_the_same_batches():
    labels = LABELS.clone()
    labels[::3] = UNLABELLED
    known = (labels >= 0).nonzero().squeeze(1)
    assert torch.equal(drawn(2, 4, 20, labels), drawn(2, 4, 20, labels, known))
