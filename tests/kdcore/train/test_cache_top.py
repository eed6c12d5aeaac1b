"""The largest logits kept exactly, and the others by their mass."""

from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.objective import distance
from kdcore.spec.caching import TeacherCache, row_bytes
from kdcore.train.cache.layout import Layout

LOGITS = st.integers(2, 12).flatmap(
    lambda classes: st.lists(
        st.lists(st.floats(-30, 30, width=32), min_size=classes, max_size=classes), min_size=1, max_size=4
    )
)


def there_and_back(logits, k, dtype="auto"):
    layout = Layout.of({"logits": (tuple(logits.shape[1:]), logits.dtype)}, samples=8, top_k=k, dtype=dtype)
    point = layout.points["logits"]
    return point.decode(point.encode(logits))


def test_two_of_four_logits_by_hand():
    logits = torch.tensor([[2.0, 0.0, 3.0, -1.0]])
    rest = log((1 + torch.tensor(-1.0).exp()) / 2)
    torch.testing.assert_close(there_and_back(logits, 2), torch.tensor([[2.0, rest, 3.0, rest]]))


@settings(max_examples=50)
@given(LOGITS, st.integers(1, 12))
def test_at_temperature_one_kept_classes_and_the_sum_of_the_others_are_exact(rows, k):
    logits = torch.tensor(rows, dtype=torch.float64)
    k = min(k, logits.shape[1])
    found = there_and_back(logits, k)
    p, q = logits.softmax(1), found.softmax(1)
    kept = logits.float().topk(k).indices
    torch.testing.assert_close(q.gather(1, kept), p.gather(1, kept), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        q.sum(1) - q.gather(1, kept).sum(1), p.sum(1) - p.gather(1, kept).sum(1), rtol=0, atol=2e-6
    )


@settings(max_examples=50)
@given(LOGITS, st.integers(1, 11))
def test_above_temperature_one_the_others_come_out_too_large_by_no_more_than_stated(rows, k):
    logits = torch.tensor(rows, dtype=torch.float64)
    k, T = min(k, logits.shape[1] - 1), 4.0
    where = logits.float().topk(k).indices
    others = logits.scatter(1, where, -torch.inf)
    found = there_and_back(logits, k).scatter(1, where, -torch.inf)
    factor = (found / T).logsumexp(1) - (others / T).logsumexp(1)
    count = logits.shape[1] - k
    most = (others.logsumexp(1) - log(count)) / T - ((others / T).logsumexp(1) - log(count))
    assert (factor >= -1e-5).all()
    torch.testing.assert_close(factor, most, rtol=1e-4, atol=1e-4)


def test_as_many_as_there_are_classes_are_kept_as_they_are():
    logits = torch.randn(5, 7)
    assert torch.equal(there_and_back(logits, 7), logits)


def test_top_k_kl_of_the_same_k_sees_no_difference():
    torch.manual_seed(0)
    student, teacher = torch.randn(6, 40), 5 * torch.randn(6, 40)
    loss = distance("top_k_kl", k=5, temperature=1.0)
    torch.testing.assert_close(loss(student, there_and_back(teacher, 5)), loss(student, teacher))


@pytest.mark.parametrize(("T", "share"), [(1.0, (0.99, 1.0)), (4.0, (0.5, 0.6))])
def test_the_dense_divergence_is_nearly_kept_at_temperature_one_alone(T, share):
    torch.manual_seed(0)
    student, teacher = torch.randn(256, 100), 4 * torch.randn(256, 100)
    loss = distance("kl", temperature=T)
    found, exact = loss(student, there_and_back(teacher, 20)), loss(student, teacher)
    assert share[0] < float(found / exact) < share[1]


def test_logits_without_any_mass_stay_finite():
    logits = torch.full((2, 4), -torch.inf)
    logits[:, 0] = 1.0
    found = there_and_back(logits, 1)
    assert found.isfinite().all()
    torch.testing.assert_close(found.softmax(1), logits.softmax(1))


def test_a_row_takes_the_bytes_that_the_plan_states():
    for asked in (TeacherCache(), TeacherCache(top_k=8), TeacherCache(top_k=8, dtype="float16")):
        shapes = {"logits": (100,), "layer": (64, 8, 8)}
        spoken = {name: (shape, torch.float32) for name, shape in shapes.items()}
        layout = Layout.of(spoken, samples=3, views=2, dtype=asked.dtype, top_k=asked.top_k)
        assert layout.bytes == 6 * row_bytes(shapes, asked)
