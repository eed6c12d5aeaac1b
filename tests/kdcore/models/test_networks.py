"""Our own networks: the counts that the literature gives, the sizes that they take, the bits that a seed gives."""

import pytest
import torch
from torch import nn

from kdcore.models import build, landmarks, without_inplace
from kdcore.models.trace import count_macs, on_meta, trace
from kdcore.spec.catalogue import BadOption, UnknownArchitecture


def parameters(name, classes, **options):
    return sum(p.numel() for p in on_meta(lambda: build(name, classes, **options)).parameters())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet20", 278_324),
        ("resnet56", 861_620),
        ("resnet110", 1_736_564),
        ("resnet8x4", 1_233_540),
        ("resnet32x4", 7_433_860),
        ("wrn-16-2", 703_284),
        ("wrn-40-1", 569_780),
        ("wrn-40-2", 2_255_156),
    ],
)
def test_parameters_equal_those_of_the_distillation_literature_on_cifar100(name, expected):
    assert parameters(name, 100) == expected


@pytest.mark.parametrize(("name", "expected"), [("resnet20", 269_722), ("resnet32", 464_154), ("resnet56", 853_018)])
def test_padded_shortcuts_give_the_original_papers_parameters_on_cifar10(name, expected):
    assert parameters(name, 10, shortcut="pad") == expected


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        ("fitnet1", 250e3, 30e6),
        ("fitnet2", 862e3, 108e6),
        ("fitnet4", 2.5e6, 382e6),
        ("maxout-teacher", 8.6e6, 725e6),
    ],
)
def test_fitnets_have_the_papers_parameters_and_multiplications(name, params, macs):
    model = on_meta(lambda: build(name, 10))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(params, rel=0.02)
    assert count_macs(model, (3, 32, 32)) == pytest.approx(macs, rel=0.01)


@pytest.mark.parametrize("name", ["resnet8", "resnet20", "resnet8x4", "wrn-16-1", "fitnet1", "fitnet4"])
def test_networks_of_any_size_take_the_digits(name):
    out = build(name, 10, in_channels=1, width=0.25).eval()(torch.rand(2, 1, 8, 8))
    assert out.shape == (2, 10)


@pytest.mark.parametrize(("side", "last"), [(28, 3), (32, 3), (64, 7)])
def test_the_maxout_teacher_takes_the_size_that_it_is_built_for(side, last):
    model = on_meta(lambda: build("maxout-teacher", 10, in_channels=1, image_size=side))
    seen = trace(model, (1, side, side))
    assert seen["stages"].calls[0][1] == (192, last, last)
    assert seen[""].calls[0][1] == (10,)


def test_a_maxout_teacher_for_pictures_below_its_poolings_is_refused():
    with pytest.raises(BadOption, match="at least 12"):
        build("maxout-teacher", 10, image_size=11)


def test_hint_and_guided_layer_of_the_fitnets_are_the_published_ones():
    """Student's 11th convolution after pooling, teacher's 2nd: the published configuration's hints [[10, 1]]."""
    student, teacher = (on_meta(lambda n=name: build(n, 10)) for name in ("fitnet4", "maxout-teacher"))
    assert landmarks(student).features.index(landmarks(student).middle) == 10
    assert landmarks(teacher).features.index(landmarks(teacher).middle) == 1
    assert trace(student, (3, 32, 32))[landmarks(student).middle].calls[0][1] == (80, 8, 8)
    assert trace(teacher, (3, 32, 32))[landmarks(teacher).middle].calls[0][1] == (192, 7, 7)


@pytest.mark.parametrize("name", ["resnet8", "resnet8x4", "wrn-16-2", "fitnet1", "maxout-teacher"])
def test_one_seed_gives_one_set_of_bits_and_another_seed_others(name):
    def state(seed):
        torch.manual_seed(seed)
        return build(name, 10, width=0.25).state_dict()

    first, again, other = state(1), state(1), state(2)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", ["resnet14", "wrn-16-2", "fitnet2"])
def test_every_weight_receives_a_gradient(name):
    model = build(name, 10, width=0.25)
    model(torch.rand(4, 3, 16, 16)).logsumexp(1).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("name", ["resnet14", "wrn-16-2", "fitnet2", "maxout-teacher"])
def test_no_captured_output_is_overwritten_later_in_the_pass(name):
    model, kept = build(name, 10, width=0.25).eval(), []
    for module in model.modules():
        module.register_forward_hook(lambda _m, _a, out: kept.append((out, out._version)))
    model(torch.rand(2, 3, 32, 32))
    assert len(kept) > 10
    assert all(tensor._version == version for tensor, version in kept)


@pytest.mark.parametrize("name", ["resnet20", "wrn-40-2", "fitnet3", "maxout-teacher"])
def test_landmarks_are_places_of_the_network_in_forward_order(name):
    model = on_meta(lambda: build(name, 10))
    found, order = landmarks(model), []
    for path, module in model.named_modules():
        module.register_forward_hook(lambda _m, _a, _o, path=path: order.append(path))
    trace(model, (3, 32, 32))
    assert [path for path in order if path in found.features] == list(found.features)
    assert found.middle in found.features
    assert isinstance(model.get_submodule(found.classifier), nn.Linear)


def test_a_projection_stands_where_a_stages_channels_change_though_the_width_makes_them_equal():
    model = build("wrn-16-2", 10, width=0.01)
    assert isinstance(model.get_submodule("stages.0.blocks.0.shortcut"), nn.Conv2d)
    assert isinstance(model.get_submodule("stages.0.blocks.1.shortcut"), nn.Identity)


def test_padded_shortcuts_keep_every_second_position_and_add_zero_channels():
    shortcut = build("resnet8", 10, shortcut="pad").get_submodule("stages.1.blocks.0.shortcut")
    x = torch.arange(16 * 4 * 4, dtype=torch.float32).reshape(1, 16, 4, 4)
    out = shortcut(x)
    assert torch.equal(out[:, 8:24], x[:, :, ::2, ::2])
    assert out[:, :8].abs().sum() == 0
    assert out[:, 24:].abs().sum() == 0


def test_in_place_activations_are_switched_off_without_changing_the_output():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Hardswish(inplace=True))
    x = torch.randn(3, 4)
    before, seen = model(x), []
    model[0].register_forward_hook(lambda _m, _a, out: seen.append((out, out.clone())))
    assert without_inplace(model) is model
    assert torch.equal(model(x), before)
    assert torch.equal(*seen[0])
    assert seen[0][0].min() < 0


@pytest.mark.parametrize("name", ["resnet18", "resnet206", "resnet2", "resnet020", "wrn-40-17", "wrn-10", "wrn-9-2"])
def test_a_name_outside_the_patterns_is_refused_with_names_nearby(name):
    with pytest.raises(UnknownArchitecture) as caught:
        build(name, 10)
    assert len(caught.value.nearest) == 3


def test_an_option_that_the_family_does_not_have_is_refused_with_the_one_that_was_meant():
    with pytest.raises(BadOption, match="did you mean width"):
        build("resnet8", 10, witdh=2)
