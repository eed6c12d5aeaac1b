"""What a frozen network says is computed once, and looked up as if the network were asked."""

import pytest
import torch
from caching import BLOCK, CLASSES, SAMPLES, VIEWS, Kept, Killed, equal, everything, network
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.errors import EngineError, Stopped
from kdcore.train.cache import Layout

BLOCKS = -(-SAMPLES * VIEWS // BLOCK)
DRAW = torch.tensor([3, 0, 19, 3, 7]), torch.tensor([2, 0, 1, 0, 2])


@pytest.mark.parametrize("place", ["memory", "file"])
def test_a_lookup_gives_what_the_network_says(tmp_path, place):
    kept = Kept(tmp_path)
    cache = kept.built(place=place)
    found, live = cache.lookup(*DRAW), kept.live(*DRAW)
    assert found.keys() == live.keys()
    for point, value in live.items():
        assert found[point].dtype == value.dtype
        assert not found[point].requires_grad
        torch.testing.assert_close(found[point], value, rtol=1e-5, atol=1e-6)


def test_a_batch_that_is_a_block_is_kept_to_the_last_bit(tmp_path):
    kept = Kept(tmp_path)
    cache = kept.built()
    pairs = cache.layout.pairs_of(1)
    assert equal(cache.lookup(*pairs), kept.live(*pairs))


def test_memory_file_and_no_folder_hold_the_same_bits(tmp_path):
    caches = Kept(tmp_path / "a").built(), Kept(tmp_path / "b").built(place="file"), Kept(None).built()
    first, *others = (everything(cache) for cache in caches)
    assert all(equal(first, other) for other in others)


def test_the_network_is_asked_once_for_each_block_and_never_again(tmp_path):
    kept = Kept(tmp_path)
    kept.built().close()
    assert kept.passes == BLOCKS
    assert kept.open().complete
    kept.built(place="file").lookup(*DRAW)
    assert kept.passes == BLOCKS


@given(
    samples=st.integers(1, 30), views=st.integers(1, 4), block=st.integers(1, 40), dies_at=st.none() | st.integers(1, 9)
)
@settings(max_examples=25)
def test_wherever_a_build_was_interrupted_the_bits_are_the_same(tmp_path_factory, samples, views, block, dies_at):
    sizes = {"samples": samples, "views": views, "block": block}
    expected = everything(Kept(None, **sizes).built())
    kept = Kept(tmp_path_factory.mktemp("cache"), **sizes)
    cache = kept.open()
    try:
        kept.fill(cache, dies_at=dies_at)
    except Killed:
        assert kept.passes == dies_at
    cache.close()
    again = kept.built(place="file")
    assert equal(everything(again), expected)
    assert again.findings == []
    again.close()


def test_an_interrupted_build_goes_on_where_it_was(tmp_path):
    kept = Kept(tmp_path)
    cache = kept.open()
    with pytest.raises(Stopped, match="pause"):
        kept.fill(cache, stop=lambda: "pause" if kept.passes == 3 else None)
    assert not cache.complete
    cache.close()
    kept.built()
    assert kept.passes == BLOCKS


@pytest.mark.parametrize("place", ["memory", "file"])
def test_a_build_killed_behind_its_last_block_is_complete_without_asking_again(tmp_path, place):
    kept = Kept(tmp_path)
    cache = kept.open()

    def die(done, of):
        if done == of:
            raise Killed

    with pytest.raises(Killed):
        kept.fill(cache, progress=die)
    cache.close()
    again = kept.open(place=place)
    assert not again.complete
    assert equal(everything(kept.fill(again)), everything(Kept(None).built()))
    assert kept.passes == BLOCKS


def test_progress_counts_rows_up_to_all_of_them(tmp_path):
    said = []
    kept = Kept(tmp_path)
    kept.fill(kept.open(), progress=lambda done, of: said.append((done, of)))
    assert said[0] == (BLOCK, SAMPLES * VIEWS)
    assert said[-1] == (SAMPLES * VIEWS, SAMPLES * VIEWS)
    assert len(said) == BLOCKS


def test_random_streams_are_left_alone(tmp_path):
    kept = Kept(tmp_path)
    cache = kept.open()
    before = torch.get_rng_state()
    kept.fill(cache).lookup(*DRAW)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_was_looked_up_can_be_overwritten(tmp_path):
    cache = Kept(tmp_path).built(place="file")
    before = cache.lookup(*DRAW)["logits"].clone()
    cache.lookup(*DRAW)["logits"].zero_()
    assert torch.equal(cache.lookup(*DRAW)["logits"], before)


def test_only_the_wanted_points_are_gathered(tmp_path):
    cache = Kept(tmp_path).built()
    assert list(cache.lookup(*DRAW, points=["0"])) == ["0"]
    assert cache.answers(["0"])
    assert cache.answers(["0", "logits"])
    assert not cache.answers(["0", "1"])


def test_nothing_is_looked_up_before_everything_is_there(tmp_path):
    cache = Kept(tmp_path).open()
    assert not cache.answers(["logits"])
    with pytest.raises(RuntimeError, match="call fill first"):
        cache.lookup(*DRAW)


@pytest.mark.parametrize(("index", "view"), [(SAMPLES, 0), (-1, 1), (0, VIEWS), (0, -1)])
def test_a_picture_or_view_that_there_is_not_is_refused(tmp_path, index, view):
    cache = Kept(tmp_path).built()
    with pytest.raises(IndexError, match="20 pictures in 3 views"):
        cache.lookup(torch.tensor([1, index]), torch.tensor([0, view]))


@pytest.mark.parametrize(("dtype", "error"), [("float16", 2**-11), ("bfloat16", 2**-8)])
def test_smaller_types_round_and_give_back_the_networks_type(tmp_path, dtype, error):
    kept = Kept(tmp_path, points=("logits",), dtype=dtype)
    found, exact = everything(kept.built())["logits"], everything(Kept(None).built())["logits"]
    assert found.dtype == torch.float32
    assert ((found - exact).abs() <= error * exact.abs()).all()
    assert not torch.equal(found, exact)


def test_half_precision_outputs_are_kept_as_they_are():
    teacher = network().bfloat16()
    spoken = {"logits": ((CLASSES,), torch.bfloat16)}
    layout = Layout.of(spoken, samples=4)
    value = teacher(torch.randn(4, 1, 6, 6).bfloat16())
    (rows,) = layout.encode({"logits": value}).values()
    assert rows.dtype == torch.bfloat16
    assert torch.equal(layout.points["logits"].decode({"": rows}), value)


def test_outputs_too_large_for_float16_are_refused_by_name(tmp_path):
    teacher = network()
    teacher[3].weight.data *= 1e6
    with pytest.raises(EngineError, match="too large for float16") as caught:
        Kept(tmp_path, teacher, dtype="float16").built()
    assert caught.value.param == "/training/cache/dtype"


def test_maps_come_back_with_their_channels_innermost(tmp_path):
    plain, turned = Kept(None).built(), Kept(tmp_path, channels_last=True).built(place="file")
    found = turned.lookup(*DRAW)["0"]
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert equal(everything(plain), everything(turned))


def test_a_point_name_may_hold_any_characters(tmp_path):
    kept = Kept(tmp_path, points=("3@in", "1", "logits"))
    found = kept.built(place="file").lookup(*DRAW)
    torch.testing.assert_close(found["3@in"], found["1"].flatten(1))
