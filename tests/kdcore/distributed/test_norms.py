"""BatchNorm over all processes is BatchNorm over the whole batch."""

import distributed_pieces as pieces
import pytest
import torch
from torch import nn

from kdcore.distributed import Solo, synchronised

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


def case(kind, dtype, **options):
    """A layer with weights that are not trivial, and three batches far from zero, with gradients."""
    torch.manual_seed(0)
    shape = {nn.BatchNorm1d: (6, 4), nn.BatchNorm2d: (6, 4, 3, 2), nn.BatchNorm3d: (6, 4, 2, 3, 2)}[kind]
    layer = kind(4, dtype=dtype, **options)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, 0.5, 1.5)
    xs = [torch.randn(shape, dtype=dtype) * 2 + 5 for _ in range(3)]
    return layer, xs, [torch.randn(shape, dtype=dtype) for _ in range(3)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (nn.BatchNorm1d, {}),
        (nn.BatchNorm2d, {}),
        (nn.BatchNorm3d, {}),
        (nn.BatchNorm2d, {"momentum": None}),
        (nn.BatchNorm2d, {"affine": False}),
        (nn.BatchNorm2d, {"track_running_stats": False}),
        (nn.BatchNorm2d, {"momentum": 0.3, "eps": 0.1}),
    ],
)
def test_two_processes_normalise_as_one_with_the_whole_batch(pair, kind, options, dtype):
    given = case(kind, dtype, **options)
    expected, state = pieces.normalised(Solo(), *given)
    both = pair(pieces.normalised, *given)
    tolerance = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    for found, own_state in both:
        torch.testing.assert_close(found, expected, **tolerance)
        torch.testing.assert_close(own_state, state, **tolerance)
    for name in state:
        assert torch.equal(both[0][1][name], both[1][1][name]), name


def test_channels_last_pictures_are_normalised_alike(pair):
    layer, xs, slopes = case(nn.BatchNorm2d, torch.float64)
    expected, _ = pieces.normalised(Solo(), layer, xs, slopes)
    laid_out = [[t.contiguous(memory_format=torch.channels_last) for t in side] for side in (xs, slopes)]
    for found, _ in pair(pieces.normalised, layer, *laid_out):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_a_large_mean_costs_no_digits(pair):
    layer, xs, slopes = case(nn.BatchNorm2d, torch.float32)
    xs = [x + 1000 for x in xs]
    exact, _ = pieces.normalised(Solo(), layer.double(), [x.double() for x in xs], [s.double() for s in slopes])
    layer.float()
    for found, _ in pair(pieces.normalised, layer, xs, slopes):
        torch.testing.assert_close(found[0][0].double(), exact[0][0], rtol=0, atol=2e-3)


def test_half_precision_keeps_its_type_and_float32_statistics(pair):
    x = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    expected, _, var = pieces.half(Solo(), x)
    for found, dtype, own in pair(pieces.half, x):
        assert (found.dtype, dtype, own.dtype) == (torch.bfloat16, torch.bfloat16, torch.float32)
        torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-2)
        torch.testing.assert_close(own, var, rtol=1e-3, atol=1e-3)


def test_one_picture_in_each_process_is_a_batch_of_two(pair):
    x, slope = torch.tensor([[1.0, 5.0], [3.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    layer = nn.BatchNorm1d(2)
    expected, _ = pieces.normalised(Solo(), layer, [x], [slope])
    for found, _ in pair(pieces.normalised, layer, [x], [slope]):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_paths_types_state_and_evaluation_stay_as_they_are_and_the_stretch_leaves_nothing(pair):
    for same, left in pair(pieces.left_alone):
        assert all(same)
        assert left


def test_a_norm_with_a_forward_pass_of_its_own_is_named(pair):
    for found in pair(pieces.own_norm):
        assert found == (
            "/resources/processes",
            "layer 'inner.0', a Own, cannot be shared by processes: take one process",
        )


def test_a_process_on_its_own_keeps_its_layers():
    layer = nn.BatchNorm2d(2)
    with synchronised(nn.Sequential(layer), Solo()):
        assert "forward" not in vars(layer)
