"""Cross-entropy of mixed pictures: each label counts by its share."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.objective.distances import UNLABELLED, distance

LOGITS = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
OWN, OTHER = torch.tensor([0, 1, 2, 3, 0, 1]), torch.tensor([3, 1, 0, 2, 2, 0])


def loss(logits=LOGITS, own=OWN, other=OTHER, share=0.7, **options):
    context = {"mixed_labels": other, "mixed_share": torch.full((len(own),), share)}
    return distance("cross_entropy", **options)(logits, None, own, context=context)


@pytest.mark.parametrize("smoothing", [0, 0.1])
@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_it_is_the_cross_entropy_with_the_soft_labels(share, smoothing):
    share = torch.tensor(share, dtype=torch.float32).item()
    soft = share * F.one_hot(OWN, 4) + (1 - share) * F.one_hot(OTHER, 4)
    expected = F.cross_entropy(LOGITS, soft.double(), label_smoothing=smoothing)
    torch.testing.assert_close(loss(share=share, label_smoothing=smoothing), expected)


def test_with_the_whole_share_it_is_the_plain_one():
    torch.testing.assert_close(loss(share=1.0), distance("cross_entropy")(LOGITS, None, OWN))


def test_pictures_without_a_label_do_not_count():
    unknown = torch.tensor([False, True, False, False, True, True])
    own, other = OWN.masked_fill(unknown, UNLABELLED), OTHER.masked_fill(unknown, UNLABELLED)
    torch.testing.assert_close(loss(own=own, other=other), loss(LOGITS[~unknown], OWN[~unknown], OTHER[~unknown]))


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=6, max_size=6),
    st.sampled_from([0.0, 1e-40, 0.3, 1.0]),
)
def test_loss_and_gradient_are_finite_whatever_is_known(known, share):
    own_known, other_known = torch.tensor(known).unbind(1)
    logits = LOGITS.float().requires_grad_()
    found = loss(logits, OWN.where(own_known, UNLABELLED), OTHER.where(other_known, UNLABELLED), share)
    found.backward()
    assert found.isfinite()
    assert logits.grad.isfinite().all()
    assert logits.grad.abs().max() <= 1


def test_a_batch_without_any_label_costs_nothing():
    nothing = torch.full((6,), UNLABELLED)
    assert loss(own=nothing, other=nothing) == 0
