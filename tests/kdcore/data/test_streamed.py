"""Pictures that do not fit into memory: the same batches as from memory, to the bit, whoever reads them."""

import pickle

import pytest
import torch
from batching import batches, noise
from stored import Computed

from kdcore.data import Examples
from kdcore.data.mapped import Mapped
from kdcore.data.streamed import Streamed, fits
from kdcore.errors import EngineError
from kdcore.spec.training import RandAugment

OPTIONS = {"shift": 1, "flip": True, "randaugment": RandAugment(), "erase": 0.3, "mixup": 0.2}
SOURCE = Computed(40)
IMAGES = torch.stack([SOURCE[place][0] for place in range(40)])
LARGE = Computed(400, (3, 32, 32))
"""So large that the hundred pictures of a batch are read by themselves."""


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.targets, other.targets)
        assert torch.equal(one.index, other.index)
        assert torch.equal(one.mixed.share, other.mixed.share)


def large(workers=None):
    """Batches of a hundred from memory, or streamed."""
    images = torch.stack([LARGE[place][0] for place in range(400)])
    shelf = None if workers is None else Streamed(LARGE, workers=workers)
    return batches(images, size=100, shelf=shelf, **OPTIONS)


@pytest.mark.parametrize("first", [0, 1, 3])
def test_streamed_batches_are_those_from_memory(first):
    streamed, memory = large(workers=0), large()
    for epoch in (0, 3):
        same(streamed.epoch(epoch, first), memory.epoch(epoch, first))


@pytest.mark.slow
def test_processes_that_read_ahead_change_nothing():
    streamed, memory = large(workers=2), large()
    same(streamed.epoch(0), memory.epoch(0))
    broken_off = streamed.epoch(1)
    same([next(broken_off)], [next(memory.epoch(1))])
    same(streamed.epoch(1, 1), memory.epoch(1, 1))
    same(streamed.epoch(2), memory.epoch(2))


@pytest.mark.slow
def test_mapped_files_are_read_by_other_processes(tmp_path):
    pictures = Examples(noise(400, (3, 32, 32)), torch.arange(400))
    streamed = Streamed(Mapped.write(pictures, tmp_path / "pictures"), workers=2)
    parts = torch.randperm(400, generator=torch.Generator().manual_seed(0)).split(100)
    for found, expected in zip(streamed.read(parts), pictures.read(parts), strict=True):
        assert torch.equal(found, expected)


def test_views_of_streamed_pictures_are_those_from_memory():
    streamed, memory = (batches(IMAGES, shelf=shelf, shift=1, views=3) for shelf in (Streamed(SOURCE), None))
    index, view = torch.tensor([5, 0, 5]), torch.tensor([0, 1, 2])
    assert torch.equal(streamed.pictures(index, view), memory.pictures(index, view))


def test_streaming_leaves_torchs_global_stream_alone():
    before = torch.get_rng_state()
    assert len(list(Streamed(SOURCE).read(torch.arange(40).split(10)))) == 4
    assert torch.equal(torch.get_rng_state(), before)


def test_pictures_in_memory_are_a_source_too():
    pictures = Examples(IMAGES, torch.arange(40))
    same(batches(IMAGES, shelf=Streamed(pictures), **OPTIONS).epoch(0), batches(IMAGES, **OPTIONS).epoch(0))


def test_a_mapped_folder_gives_back_what_was_written(tmp_path):
    pictures = Examples(noise(7, (1, 5, 4)), torch.arange(7))
    mapped = Mapped.write(pictures, tmp_path)
    assert len(mapped) == 7
    assert torch.equal(mapped.targets, pictures.targets)
    for place in range(7):
        image, label = mapped[place]
        assert torch.equal(image, pictures.inputs[place])
        assert label == place
    assert torch.equal(mapped.rows(torch.tensor([6, 0, 6])), pictures.inputs[[6, 0, 6]])


def test_a_mapped_folder_is_pickled_without_its_pixels(tmp_path):
    mapped = Mapped.write(Examples(noise(100, (3, 32, 32)), torch.arange(100)), tmp_path)
    packed = pickle.dumps(mapped)
    assert len(packed) < 1000
    assert torch.equal(pickle.loads(packed)[3][0], mapped[3][0])


def test_a_mapped_file_cut_short_is_named(tmp_path):
    Mapped.write(Examples(noise(), torch.arange(40)), tmp_path)
    images = tmp_path / "inputs.npy"
    images.write_bytes(images.read_bytes()[:-100])
    with pytest.raises(EngineError, match="no readable examples in"):
        Mapped(tmp_path)


def test_mapped_targets_of_another_number_are_refused(tmp_path):
    with pytest.raises(EngineError, match=r"targets \(39,\): expected one target for each input"):
        Mapped.write(Examples(noise(), torch.arange(39)), tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Computed(0), "without examples"),
        (Computed(4, dtype=torch.float64), r"uint8, float32, int32 or int64 \(got float64 \[3, 8, 8\]\)"),
    ],
)
def test_a_source_that_cannot_be_streamed_is_refused(source, message):
    with pytest.raises(ValueError, match=message):
        Streamed(source)


def test_a_picture_of_another_shape_is_named():
    streamed = Streamed(Computed(40, wrong=7))
    with pytest.raises(ValueError, match=r"must be uint8 \[3, 8, 8\] \(got uint8 \[1, 1, 1\]\)"):
        list(streamed.read([torch.arange(10), torch.arange(10, 20)]))


def test_pictures_fit_up_to_the_budget():
    assert fits(2_000_000_000, 2)
    assert not fits(2_000_000_001, 2)
