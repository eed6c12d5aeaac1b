"""Mixup and CutMix: pictures and labels are mixed by the same share."""

import pytest
import torch
from batching import batches
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.objective.distances import UNLABELLED

LABELS = torch.arange(40) % 5


def shown(epoch=0, first=0, **options):
    return list(batches(**{"labels": LABELS, **options}).epoch(epoch, first))


def plain(**options):
    kept = {name: value for name, value in options.items() if name not in {"mixup", "cutmix"}}
    return shown(**kept)


def soft(batch, classes=5):
    own, other = (torch.nn.functional.one_hot(one, classes) for one in (batch.targets, batch.mixed.labels))
    return batch.mixed.share[:, None] * own + (1 - batch.mixed.share[:, None]) * other


@settings(max_examples=20, deadline=None)
@given(st.floats(0.05, 5), st.sampled_from(["mixup", "cutmix"]), st.integers(0, 20))
def test_labels_sum_to_one_and_shares_are_those_of_one_batch(alpha, way, epoch):
    for batch in shown(epoch, **{way: alpha}):
        torch.testing.assert_close(soft(batch).sum(1), torch.ones(10))
        assert 0 <= batch.mixed.share.min() == batch.mixed.share.max() <= 1


def test_mixup_blends_two_pictures_of_the_batch_by_their_share():
    for batch, whole in zip(shown(mixup=1.0), plain(), strict=True):
        for image, own, share, other in zip(
            batch.inputs, whole.inputs, batch.mixed.share, batch.mixed.labels, strict=True
        ):
            rest = [share * own + (1 - share) * candidate for candidate in whole.inputs]
            fitting = [torch.allclose(image, one, atol=1e-5) for one in rest]
            assert any(fit and label == other for fit, label in zip(fitting, whole.targets, strict=True))


def test_cutmix_pastes_a_rectangle_and_counts_its_pixels():
    partners_seen = 0
    for batch, whole in zip(shown(cutmix=1.0), plain(), strict=True):
        for image, own, share in zip(batch.inputs, whole.inputs, batch.mixed.share, strict=True):
            foreign = (image != own).any(0)
            if foreign.any():
                partners_seen += 1
                assert foreign.sum() == foreign.any(0).sum() * foreign.any(1).sum()
                assert foreign.float().mean() == pytest.approx(1 - share.item(), abs=1e-6)
                pasted = [(image[:, foreign] == other[:, foreign]).all() for other in whole.inputs]
                assert any(pasted)
    assert partners_seen > 10


def test_shares_follow_the_beta_distribution():
    shares = torch.stack([batch.mixed.share[0] for batch in shown(mixup=0.4, steps=1000, size=2)])
    assert abs(shares.mean() - 0.5) < 0.03
    assert abs(shares.var() - 1 / (4 * (2 * 0.4 + 1))) < 0.01  # of Beta(a, a): 1 / (4 (2 a + 1))


def test_with_both_each_step_takes_one_of_the_two():
    changed = [
        (batch.inputs != whole.inputs).any(1).float().mean()
        for batch, whole in zip(shown(mixup=1.0, cutmix=1.0, steps=200, size=4), plain(steps=200, size=4), strict=True)
    ]
    blended = sum(share > 0.7 for share in changed) / 200
    assert 0.3 < blended < 0.7


@pytest.mark.parametrize("first", [1, 3])
def test_mixing_follows_from_seed_epoch_and_step(first):
    options = {"mixup": 0.2, "cutmix": 1.0, "shift": 1}
    for rest, whole in zip(shown(2, first, **options), shown(2, **options)[first:], strict=True):
        assert torch.equal(rest.inputs, whole.inputs)
        assert torch.equal(rest.mixed.labels, whole.mixed.labels)
        assert torch.equal(rest.mixed.share, whole.mixed.share)
    assert not torch.equal(shown(2, **options)[0].mixed.share, shown(3, **options)[0].mixed.share)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=40, max_size=40))
def test_pictures_without_a_label_are_mixed_with_each_other(unknown):
    labels = LABELS.masked_fill(torch.tensor(unknown), UNLABELLED)
    for batch in shown(labels=labels, mixup=1.0):
        assert torch.equal(batch.targets == UNLABELLED, batch.mixed.labels == UNLABELLED)


def test_parts_of_a_batch_keep_what_was_mixed_in():
    batch = shown(mixup=1.0)[0]
    parts = batch.parts(5)
    assert [len(part.inputs) for part in parts] == [2] * 5
    for name in ("inputs", "targets", "index", "view"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(batch, name))
    assert torch.equal(torch.cat([part.mixed.labels for part in parts]), batch.mixed.labels)
    assert torch.equal(torch.cat([part.mixed.share for part in parts]), batch.mixed.share)
    assert all(part.mixed is None for part in shown()[0].parts(2))
