"""Messages between processes: what one process with everything would have, and gradients that prove it."""

import distributed_pieces as pieces
import pytest
import torch
from ranks import Ranks

from kdcore.distributed import Solo

BATCH = torch.randn(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
WEIGHT = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def test_every_process_hears_the_same(pair):
    first, second = pair(pieces.words)
    for found in (first, second):
        torch.testing.assert_close(found["mean"], torch.tensor([1.5, 3.0]), rtol=0, atol=0)
        torch.testing.assert_close(found["sum"], torch.tensor([3.0, 6.0]), rtol=0, atol=0)
        assert found["rows"].tolist() == [[1, 2], [2, 4]]
        assert found["every"] == [{"rank": 0}, {"rank": 1}]
        assert (found["told"], found["decided"]) == ("from 0", 10)
        assert (found["weight"].tolist(), found["counter"]) == ([0, 0], 7)
    assert second["untouched"].tolist() == [2, 4]


def test_a_process_on_its_own_has_the_same_face():
    found = pieces.words(Solo())
    assert [found[name].tolist() for name in ("mean", "sum", "rows")] == [[1, 2], [1, 2], [[1, 2]]]
    assert (found["every"], found["told"], found["decided"]) == ([{"rank": 0}], "from 0", 10)


@pytest.mark.parametrize("equal", [True, False])
def test_a_loss_on_the_gathered_batch_has_the_gradients_of_one_process(pair, equal):
    expected = pieces.gathered_gradient(Solo(), BATCH, WEIGHT, equal, [1.0])
    for found in pair(pieces.gathered_gradient, BATCH, WEIGHT, equal, [1.0, 1.0]):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_losses_that_differ_between_processes_have_the_gradients_of_their_mean(pair):
    expected = pieces.gathered_gradient(Solo(), BATCH, WEIGHT, False, [1.75])
    for found in pair(pieces.gathered_gradient, BATCH, WEIGHT, False, [3.0, 0.5]):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_three_processes_have_the_gradients_of_one():
    ranks = Ranks(3)
    try:
        for equal in (True, False):
            expected = pieces.gathered_gradient(Solo(), BATCH, WEIGHT, equal, [1.0])
            for found in ranks(pieces.gathered_gradient, BATCH, WEIGHT, equal, [1.0, 1.0, 1.0]):
                torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    finally:
        ranks.close()


def test_gathered_parts_stand_in_the_order_of_the_processes_and_keep_their_layout(pair):
    parts = [torch.arange(24.0).view(2, 3, 2, 2) + 100 * rank for rank in range(2)]
    maps = torch.cat(parts)
    expected = [maps, maps, maps.bfloat16(), torch.tensor([0, 1]), torch.cat([part.transpose(0, 1) for part in parts])]
    for found, channels_last in pair(pieces.layouts):
        assert channels_last
        for tensor, wanted in zip(found, expected, strict=True):
            assert tensor.dtype == wanted.dtype
            assert torch.equal(tensor, wanted)


def test_a_batch_that_was_shared_out_comes_back_whole(pair):
    expected = pieces.whole_batch(Solo())
    for found in pair(pieces.whole_batch):
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
