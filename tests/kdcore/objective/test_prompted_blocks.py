"""Prompt blocks, fusions, layouts, stage ends and output-side prompts, piece by piece."""

import copy
import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kdcore.objective.paths import CLASSES, OutputPrompts, build
from kdcore.objective.paths.places import default_sample, layouts
from kdcore.objective.paths.prompts import Fusion, Layout, PartialConvolution, PromptBlock
from kdcore.spec.rooms import PATHS, BadPiece, piece_options
from kdcore.spec.rooms.paths import OutputOptions, PromptOptions
from kdcore.spec.stage_ends import stage_ends

LAYOUTS = {
    "maps": (Layout(12, "maps"), (2, 12, 5, 4)),
    "sequence": (Layout(12, "sequence"), (2, 12, 9)),
    "tokens in a grid": (Layout(12, "tokens", 1, (3, 3)), (2, 10, 12)),
    "tokens in a row": (Layout(12, "tokens", 0, None), (2, 7, 12)),
    "channels last": (Layout(12, "grid"), (2, 5, 4, 12)),
    "vector": (Layout(12, "vector"), (2, 12)),
}
SIZES = {"reduction": 2, "partial": 0.25, "kernels": (3, 5, 7)}


def noise(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def block(layout, order="parallel", **sizes):
    torch.manual_seed(0)
    return PromptBlock(layout, order=order, **{**SIZES, **sizes})


def moved(module):
    """The same module after an optimiser step on a loss that wants another output."""
    optimiser = torch.optim.SGD(module.parameters(), lr=0.5)
    for _ in range(2):
        x = noise(LAYOUTS["maps"][1], 5)
        optimiser.zero_grad()
        (module(x) - noise(x.shape, 6)).square().mean().backward()
        optimiser.step()
    return module


def test_the_engine_has_exactly_the_paths_that_specs_may_name():
    assert set(CLASSES) == set(PATHS)


@pytest.mark.parametrize("order", ["parallel", "serial"])
@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_new_block_adds_exactly_nothing_in_the_shape_it_got(kind, order):
    layout, shape = LAYOUTS[kind]
    assert torch.equal(block(layout, order)(noise(shape)), torch.zeros(shape))


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_new_fusion_is_exactly_the_identity_and_can_leave_it(kind):
    layout, shape = LAYOUTS[kind]
    fusion, x = Fusion(layout), noise(shape)
    assert torch.equal(fusion(x), x)
    fusion(x).square().sum().backward()
    assert fusion.mix.weight.grad.abs().sum() > 0


def test_what_a_block_adds_depends_on_its_input_after_a_step():
    prompt = moved(block(LAYOUTS["maps"][0]))
    pictures = noise((16, 12, 5, 4), 3)
    variance = prompt(pictures).var(dim=0)
    assert variance.mean() > 1e-8
    alike = prompt(pictures[:1].expand(16, -1, -1, -1)).var(dim=0)
    assert alike.max() < 1e-12


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 40), st.sampled_from(["0.05", "0.07", "0.25", "0.3", "0.5", "0.7", "1"]), st.sampled_from([1, 3, 5])
)
def test_a_partial_convolution_changes_only_the_first_share_of_the_channels(channels, share, kernel):
    convolution = PartialConvolution(Layout(channels, "maps"), channels, kernel, float(share))
    nn.init.constant_(convolution.convolution.weight, 3.0)
    x = noise((2, channels, 4, 4)) + 10
    y = convolution(x)
    changed = math.ceil(Fraction(share) * channels)
    assert torch.equal(y[:, changed:], x[:, changed:])
    assert (y[:, :changed] != x[:, :changed]).all()


def test_a_class_token_passes_a_partial_convolution_and_patches_meet_their_neighbours_in_the_grid():
    convolution = PartialConvolution(Layout(4, "tokens", 1, (3, 3)), 4, 3, 1.0)
    x = torch.zeros(1, 4, 10)
    x[..., 1 + 4] = 1  # the patch in the middle
    reached = convolution(x)[0].abs().sum(0) > 0
    assert reached.tolist() == [False] + [True] * 9
    x = torch.zeros(1, 4, 10)
    x[..., 1] = 1  # the first patch: its neighbours are 1, 3 and 4, not 9 in a row
    assert (convolution(x)[0].abs().sum(0) > 0).nonzero().flatten().tolist() == [1, 2, 4, 5]
    x = torch.zeros(1, 4, 10)
    x[..., 0] = 1
    assert torch.equal(convolution(x), x)


@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
def test_the_reduction_divides_the_parameters_of_down_and_up(reduction):
    prompt = block(Layout(64, "maps"), reduction=reduction)
    assert prompt.down.weight.numel() == prompt.up.weight.numel() == 64 * 64 // reduction


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 33), st.integers(1, 64), st.floats(0.01, 1), st.sampled_from(["parallel", "serial"]))
def test_any_channel_count_reduction_and_share_make_a_block_that_learns(channels, reduction, partial, order):
    prompt = block(Layout(channels, "maps"), order, reduction=reduction, partial=partial, kernels=(1, 3))
    prompt(noise((2, channels, 3, 3))).sum().backward()
    assert prompt.up.weight.grad.abs().sum() > 0


def test_named_sizes_are_ordered_and_single_options_override_them():
    layout = Layout(64, "maps")

    def parameters(**options):
        sizes = PromptOptions(**options).sizes
        made = PromptBlock(layout, reduction=sizes.reduction, partial=sizes.partial, kernels=sizes.kernels)
        return sizes.stages * sum(p.numel() for p in made.parameters())

    assert parameters(blocks="small") < parameters(blocks="medium") < parameters(blocks="large")
    sizes = PromptOptions(blocks="small", reduction=1, kernels=(9,)).sizes
    assert (sizes.reduction, sizes.kernels, sizes.partial, sizes.stages) == (1, (9,), 0.25, 2)


@pytest.mark.parametrize(
    ("options", "told"),
    [({"kernels": [4]}, "odd"), ({"partial": 0}, "greater than 0"), ({"block": "small"}, "nearest: blocks")],
)
def test_options_that_do_not_fit_are_refused(options, told):
    with pytest.raises(BadPiece, match=told):
        piece_options("path", "prompts", options)


def test_stages_end_at_the_last_block_of_each_resolution_the_deepest_first_to_stay():
    blocks = [("a", (8, 16, 16)), ("b", (16, 16, 16)), ("c", None), ("d", (16, 8, 8)), ("e", (32, 4, 4)), ("f", (32,))]
    assert stage_ends(blocks, 4) == ("b", "d", "e")
    assert stage_ends(blocks, 2) == ("d", "e")


@pytest.mark.parametrize(("count", "expected"), [(12, (2, 5, 8, 11)), (3, (0, 1, 2)), (5, (0, 1, 2, 4))])
def test_blocks_of_one_shape_are_taken_evenly_with_the_last_among_them(count, expected):
    assert stage_ends([(str(i), (17, 32)) for i in range(count)], 4) == tuple(map(str, expected))


class Tokens(nn.Module):
    """Patches of a picture [B, 3, 8, 12] in squares of 4, behind ``extra`` learned tokens called ``name``."""

    def __init__(self, extra, name):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.register_parameter(name, nn.Parameter(torch.zeros(1, extra, 8)))
        self.extra, self.name = extra, name
        self.block, self.head = nn.LayerNorm(8), nn.Linear(8, 2)

    def forward(self, x):
        patches = self.patches(x).flatten(2).transpose(1, 2)
        extra = getattr(self, self.name).expand(len(x), -1, -1)
        return self.head(self.block(torch.cat([extra, patches], dim=1))[:, 0])


@pytest.mark.parametrize(("extra", "name"), [(1, "cls_token"), (3, "reg_token"), (2, "unheard_of")])
def test_patches_are_told_from_the_tokens_in_front_of_them(extra, name):
    expected = Layout(8, "tokens", extra, (2, 3))
    assert layouts(Tokens(extra, name), ["block"], "head", torch.zeros(2, 3, 8, 12)) == [expected]


@pytest.mark.parametrize(
    ("network", "at", "sample", "expected"),
    [
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten()), "1", (2, 3, 8, 8), Layout(8, "maps")),
        (nn.Sequential(nn.Conv1d(3, 8, 3), nn.ReLU(), nn.Flatten()), "1", (2, 3, 9), Layout(8, "sequence")),
        (nn.Sequential(nn.Linear(5, 8), nn.GELU(), nn.Flatten()), "1", (2, 7, 5), Layout(8, "tokens")),
        (nn.Sequential(nn.Linear(5, 8), nn.GELU(), nn.Flatten()), "0", (2, 6, 4, 5), Layout(8, "grid")),
        (nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Flatten()), "0", (2, 5), Layout(8, "vector")),
    ],
)
def test_layouts_are_told_by_the_layers_that_make_the_feature(network, at, sample, expected):
    assert layouts(network, [at], "2", torch.zeros(sample)) == [expected]


def test_a_feature_that_is_no_tensor_is_refused_by_name():
    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.pair, self.head = Pair(), nn.Linear(3, 2)

        def forward(self, x):
            return self.head(self.pair(x)[0])

    with pytest.raises(ValueError, match="layer 'pair' gives tuple"):
        layouts(Network(), ["pair"], "head", torch.zeros(2, 3))


def test_a_network_whose_input_cannot_be_guessed_asks_for_a_sample():
    with pytest.raises(ValueError, match="give a `sample`"):
        default_sample(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(7, 2)).eval())


@pytest.fixture
def black_box():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 5))


def test_output_prompts_start_as_the_network_and_learn_without_it(black_box):
    pictures = noise((6, 3, 2, 2))
    path = build("outputs", black_box, {"hidden": 7}, sample=pictures)
    expected = black_box(pictures)
    assert torch.equal(path(pictures), expected)
    before = copy.deepcopy(black_box.state_dict())
    optimiser = torch.optim.SGD(path.parameters(), lr=0.1)
    path(pictures).square().sum().backward()
    optimiser.step()
    assert all(p.grad is None for p in black_box.parameters())
    assert all(torch.equal(before[name], value) for name, value in black_box.state_dict().items())
    residual = path(pictures) - expected
    assert residual.var(dim=0).mean() > 1e-8


def test_output_prompts_act_on_stored_outputs_too(black_box):
    pictures = noise((6, 12))
    path = OutputPrompts(black_box, OutputOptions(), sample=pictures)
    nn.init.normal_(path.head.up.weight)
    torch.testing.assert_close(path.head(black_box(pictures)), path(pictures))
    assert path.head.down.out_features == 16
    assert {name.split(".")[0] for name in path.state_dict()} == {"head"}
