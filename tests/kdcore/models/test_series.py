"""Networks for series: sizes, places to look at, what a position sees, and that the catalogue tells what they are."""

import pytest
import torch
from described import assert_described
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdcore.models import build, landmarks
from kdcore.models.conv1d import SignalResNet
from kdcore.models.registry import families_of
from kdcore.objective.points import Capture
from kdcore.spec.catalogue import UnknownArchitecture, WrongInput, architecture_info, describe
from kdcore.spec.catalogue_sizes import SPANS, default_span
from kdcore.spec.points import resolve

NAMES = ("resnet1d-8", "tcn-2", "series-transformer-2")


@st.composite
def networks(draw):
    family = draw(st.sampled_from(["resnet1d", "tcn", "series-transformer"]))
    options = {"width": draw(st.floats(0.01, 2.0))}
    depth = draw(st.integers(1, 4))
    if family == "series-transformer":
        options["heads"] = draw(st.sampled_from([1, 2, 3, 4, 6, 12]))
        if draw(st.booleans()):
            options["patch"] = draw(st.sampled_from(SPANS))
    else:
        options["kernel"] = draw(st.sampled_from([3, 5, 7, 9]))
        depth = 6 * depth + 2 if family == "resnet1d" else depth
    return f"{family}-{depth}", draw(st.integers(1, 30)), (draw(st.integers(1, 12)), draw(st.integers(1, 300))), options


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks())
def test_any_network_for_series_is_as_described(network):
    name, classes, shape, options = network
    assert assert_described(name, classes, shape, **options).exact


def test_parameters_of_a_residual_network_are_those_of_a_count_by_hand():
    def block(inputs, outputs, kernel=5):
        shortcut = inputs * outputs + 2 * outputs if inputs != outputs else 0
        return (inputs + outputs) * outputs * kernel + 4 * outputs + shortcut

    expected = 9 * 32 * 5 + 2 * 32 + block(32, 32) + block(32, 64) + block(64, 128) + 129 * 6
    assert describe("resnet1d-8", num_classes=6, input_shape=(9, 128)).parameters == expected


def test_parameters_of_a_temporal_network_are_those_of_a_count_by_hand():
    expected = 9 * 64 + 2 * 64 + 4 * (2 * 64 * 64 * 5 + 4 * 64) + 65 * 6
    assert describe("tcn-4", num_classes=6, input_shape=(9, 128)).parameters == expected


def test_parameters_of_a_transformer_are_those_of_a_count_by_hand():
    block = 4 * (96 * 96 + 96) + 2 * 4 * 96 * 96 + 5 * 96 + 4 * 96
    expected = (9 * 8 * 96 + 96) + 16 * 96 + 3 * block + 2 * 96 + 97 * 6
    assert describe("series-transformer-3", num_classes=6, input_shape=(9, 128)).parameters == expected


@pytest.mark.parametrize("length", [1, 16, 50, 128])
@pytest.mark.parametrize("name", NAMES)
def test_series_of_any_length_are_answered_and_every_weight_learns(name, length):
    torch.manual_seed(0)
    model = build(name, 6, in_channels=9, width=0.25, **({"length": length} if "transformer" in name else {}))
    out = model(torch.randn(8, 9, length))
    (out * torch.randn_like(out)).sum().backward()
    assert out.shape == (8, 6)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_length_is_told(name):
    assert architecture_info(name).min_input == 1
    assert architecture_info(name).input == "series"


def test_a_residual_network_halves_the_length_stage_by_stage_and_shows_its_blocks():
    model = build("resnet1d-14", 6, in_channels=9).eval()
    found = landmarks(model)
    with Capture(model, [*found.features, *found.aliases["preactivations"]]) as capture:
        seen = capture(torch.randn(2, 9, 64))
    assert [tuple(seen[name].shape[1:]) for name in found.features[1::2]] == [(32, 1, 64), (64, 1, 32), (128, 1, 16)]
    assert all(torch.equal(seen[f"{name}.relu2@in"].relu(), seen[name]) for name in found.features)


def test_a_convolution_along_a_row_is_the_one_dimensional_convolution():
    torch.manual_seed(0)
    model = build("resnet1d-8", 6, in_channels=9).eval()
    x, conv = torch.randn(2, 9, 31), model.stem.conv
    expected = torch.nn.functional.conv1d(x, conv.weight.squeeze(2), padding=2)
    assert torch.allclose(conv(model.rows(x)).squeeze(2), expected, atol=1e-6)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="odd"):
        SignalResNet(1, 3, 2, kernel=4)


@pytest.mark.parametrize(("depth", "kernel"), [(1, 3), (2, 5), (3, 3)])
def test_a_position_of_a_temporal_network_sees_as_far_back_as_is_told_and_nothing_that_comes_after(depth, kernel):
    torch.manual_seed(0)
    model = build(f"tcn-{depth}", 3, in_channels=2, kernel=kernel, width=0.2).eval().double()
    sees = 1 + 2 * (kernel - 1) * (2**depth - 1)
    x = torch.randn(1, 2, 80, dtype=torch.double, requires_grad=True)
    hidden = model.blocks(model.stem(model.rows(x)))
    (gradient,) = torch.autograd.grad(hidden[..., 60].square().sum(), x)
    reached = gradient.abs().sum((0, 1)).nonzero().flatten()
    assert (int(reached.min()), int(reached.max())) == (60 - sees + 1, 60)


def test_the_last_patch_of_a_series_is_filled_up_with_zeros():
    torch.manual_seed(0)
    model = build("series-transformer-1", 3, in_channels=2, length=30, patch=8, width=0.2).eval()
    x = torch.randn(2, 2, 30)
    tokens = model.embedding(x)
    whole = torch.nn.functional.pad(x, (0, 2)).reshape(2, 2, 4, 8)
    expected = torch.einsum("bctp,dcp->btd", whole, model.embedding.patches.weight.squeeze(2))
    assert torch.allclose(tokens, expected + model.embedding.patches.bias + model.embedding.positions.weight, atol=1e-6)


@pytest.mark.parametrize(("length", "span"), [(1, 1), (16, 1), (50, 4), (128, 8), (561, 32), (5000, 64)])
def test_a_patch_that_is_left_out_makes_about_sixteen_tokens(length, span):
    assert default_span(length) == span


def test_points_of_every_block_have_names_of_their_own():
    told = describe("series-transformer-3", num_classes=10, input_shape=(2, 64), heads=6)
    assert {place.shape for place in resolve("attention", told)} == {(6, 16, 16)}
    assert {place.shape for place in resolve("values", told)} == {(16, 96)}
    assert [
        place.point for place in resolve("preactivations", describe("tcn-2", num_classes=2, input_shape=(1, 9)))
    ] == [
        "blocks.0.relu3@in",
        "blocks.1.relu3@in",
    ]


@pytest.mark.parametrize(
    "name",
    ["resnet1d-9", "resnet1d-2", "resnet1d-206", "tcn-0", "tcn-17", "series-transformer-49", "series-transformer"],
)
def test_depths_that_a_family_has_not_are_unknown_to_catalogue_and_registry(name):
    assert not any(family.owns(name) for family in families_of("series"))
    with pytest.raises(UnknownArchitecture):
        describe(name, num_classes=2, input_shape=(1, 9))


def test_pictures_and_tables_are_refused_with_networks_that_take_them():
    with pytest.raises(WrongInput, match="tcn-4 takes series, the dataset has pictures: choose a network"):
        describe("tcn-4", num_classes=2, input_shape=(1, 8, 8))
    with pytest.raises(WrongInput, match="such as resnet1d-8, tcn-2, series-transformer-2"):
        describe("resnet20", num_classes=2, input_shape=(9, 128))
