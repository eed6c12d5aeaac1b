"""Who works on which pictures of a batch."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.data.batches import Batch
from kdcore.data.mixing import Mixed
from kdcore.distributed import Share
from kdcore.errors import EngineError


def batch_of(size):
    images = torch.arange(float(size)).view(size, 1, 1, 1)
    mixed = Mixed(torch.arange(size) + 7, torch.arange(size) / size)
    return Batch(images, torch.arange(size) + 1, torch.arange(size) + 2, torch.arange(size) + 3, mixed)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))
def test_the_micro_batches_of_all_processes_are_those_of_one(size, accumulate, each):
    whole = batch_of(size * accumulate * each)
    shared = [Share(rank, size, accumulate).of(whole).parts(accumulate) for rank in range(size)]
    for number, micro in enumerate(whole.parts(accumulate)):
        joined = torch.cat([parts[number].index for parts in shared])
        assert torch.equal(joined, micro.index)


def test_a_share_takes_everything_that_belongs_to_its_pictures():
    own = Share(1, 2).of(batch_of(4))
    assert own.inputs.flatten().tolist() == [2, 3]
    assert [own.targets.tolist(), own.index.tolist(), own.view.tolist()] == [[3, 4], [4, 5], [5, 6]]
    assert [own.mixed.labels.tolist(), own.mixed.share.tolist()] == [[9, 10], [0.5, 0.75]]


def test_a_batch_that_cannot_be_shared_equally_names_both_fields():
    with pytest.raises(
        EngineError, match=r"30 pictures \(/training/batch_size\).*2 micro-batches.*that 8 divides"
    ) as told:
        Share(0, 4, 2).fits(30)
    assert (told.value.code, told.value.param) == ("invalid_data", "/resources/processes")
    Share(0, 4, 2).fits(32)
