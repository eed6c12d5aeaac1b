"""What the catalogue says without torch is what the real networks are."""

import math
import subprocess
import sys

import pytest
import torch
from described import assert_described
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from kdcore.models import build
from kdcore.models.pictures import FAMILIES
from kdcore.models.registry import family
from kdcore.spec.catalogue import (
    BadOption,
    InputTooSmall,
    UnknownArchitecture,
    architecture_info,
    architectures,
    describe,
    nearest,
)

SLOW_TO_BUILD = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


OWN_NAMES = st.one_of(
    st.integers(1, 4).map(lambda n: f"resnet{6 * n + 2}"),
    st.integers(1, 3).map(lambda n: f"resnet{6 * n + 2}x4"),
    st.builds(lambda n, w: f"wrn-{6 * n + 4}-{w}", st.integers(1, 3), st.integers(1, 16)),
    st.sampled_from(["fitnet1", "fitnet2", "fitnet3", "fitnet4", "maxout-teacher"]),
)


@st.composite
def own_networks(draw):
    name = draw(OWN_NAMES)
    options = {"width": draw(st.floats(0.01, 2.5))}
    if name.startswith("resnet"):
        options["shortcut"] = draw(st.sampled_from(["projection", "pad"]))
    if "fitnet" in name or "maxout" in name:
        options["batch_norm"] = draw(st.booleans())
    height = draw(st.integers(12, 80))
    width = height if name == "maxout-teacher" else draw(st.integers(12, 80))
    return name, draw(st.integers(1, 300)), (draw(st.integers(1, 5)), height, width), options


@SLOW_TO_BUILD
@given(own_networks())
def test_any_network_of_ours_is_as_described_at_any_width_classes_and_input(network):
    name, classes, input_shape, options = network
    assert_described(name, classes, input_shape, **options)


@pytest.mark.parametrize(
    ("name", "input_shape"),
    [
        ("resnet18", (1, 33, 64)),
        ("mobilenet_v3_small", (3, 75, 224)),
        ("shufflenet_v2_x0_5", (3, 32, 32)),
        ("squeezenet1_1", (1, 28, 45)),
        ("alexnet", (3, 70, 95)),
        ("vgg11_bn", (3, 64, 40)),
        ("googlenet", (3, 61, 97)),
        ("vit_b_32", (1, 96, 96)),
        ("swin_t", (3, 64, 64)),
    ],
)
def test_networks_of_torchvision_are_as_described(name, input_shape):
    assert_described(f"torchvision/{name}", 7, input_shape)


@pytest.mark.slow
@pytest.mark.parametrize("name", [info.name for info in architectures() if info.name.startswith("torchvision/")])
def test_every_network_of_torchvision_is_as_described(name):
    info = architecture_info(name)
    side = 224 if "exactly" in family(name).sizes else max(info.min_input, 64 // info.min_input * info.min_input)
    assert_described(name, 13, (1, side, side))
    if not family(name).sizes:
        assert_described(name, 10, (3, info.min_input + 29, info.min_input + 94))


def test_shapes_are_those_of_a_pass_with_real_numbers():
    described = describe("resnet14", num_classes=10, input_shape=(1, 9, 12), width=0.5)
    model, seen = build("resnet14", 10, in_channels=1, width=0.5).eval(), {}
    for path, module in model.named_modules():
        module.register_forward_hook(lambda _m, _a, out, path=path: seen.update({path: tuple(out.shape[1:])}))
    model(torch.rand(2, 1, 9, 12))
    assert {layer.path: layer.shape for layer in described.layers} == {p: s for p, s in seen.items() if p}


@pytest.mark.parametrize(
    "name", ["resnet8", "fitnet1", "maxout-teacher", "torchvision/squeezenet1_1", "torchvision/googlenet"]
)
def test_the_smallest_input_passes_with_real_numbers_and_a_smaller_one_does_not(name):
    smallest = architecture_info(name).min_input
    taken = {"image_size": smallest} if "image_size" in family(name).options else {}
    model = build(name, 10, **taken).eval()
    assert model(torch.rand(1, 3, smallest, smallest)).shape == (1, 10)
    if smallest > 1:
        with pytest.raises(RuntimeError):
            model(torch.rand(1, 3, smallest - 1, smallest - 1))


def test_known_counts_are_told_without_building_anything():
    assert describe("resnet20", num_classes=10, input_shape=(3, 32, 32), shortcut="pad").parameters == 269_722
    assert describe("wrn-40-2", num_classes=100, input_shape=(3, 32, 32)).parameters == 2_255_156
    assert describe("torchvision/resnet50", num_classes=1000, input_shape=(3, 224, 224)).parameters == 25_557_032
    assert architecture_info("torchvision/vit_b_16").macs == pytest.approx(17.56e9, rel=0.01)


@pytest.mark.parametrize("info", architectures(), ids=lambda info: info.name)
def test_lists_show_what_the_description_says(info):
    tokens = {"vocabulary": info.reference_vocabulary, "source_length": info.reference_source_length}
    described = describe(info.name, num_classes=info.reference_classes, input_shape=info.reference_input, **tokens)
    assert (info.parameters, info.macs) == (described.parameters, described.macs)
    paths = {layer.path for layer in described.layers}
    assert described.features
    assert {described.middle, described.classifier, *described.features} <= paths
    shapes = {layer.path: layer.shape for layer in described.layers}
    if info.tasks == ("detection",):
        columns = 5 if "fasterrcnn" in info.name else info.reference_classes + 4
        assert shapes[described.classifier][-1] in (columns, columns + ("fasterrcnn" not in info.name))
    else:
        assert math.prod(shapes[described.classifier]) % info.reference_classes == 0


def test_the_penultimate_feature_is_what_enters_the_classifier():
    described = describe("resnet20", num_classes=10, input_shape=(3, 32, 32))
    assert {layer.path: layer.input_shape for layer in described.layers}[described.classifier] == (64,)


def test_a_module_that_is_called_again_is_told_call_by_call():
    described = describe("torchvision/resnet50", num_classes=10, input_shape=(3, 64, 64))
    relu = next(layer for layer in described.layers if layer.path == "layer1.0.relu")
    assert [relu.shape, *(out for _, out in relu.later)] == [(64, 16, 16), (64, 16, 16), (256, 16, 16)]


def test_attention_between_tabulated_sizes_is_an_estimate_and_says_so():
    known = describe("torchvision/swin_t", num_classes=10, input_shape=(3, 224, 224))
    between = describe("torchvision/swin_t", num_classes=10, input_shape=(3, 232, 232))
    assert known.exact
    assert not between.exact
    assert known.macs < between.macs < 1.2 * known.macs


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("resnet21", "resnet"),
        ("resnet18", "torchvision/resnet18"),
        ("Mobilenet_V2", "torchvision/mobilenet_v2"),
        ("wrn-40-3x", "wrn-40-"),
        ("fitnet5", "fitnet"),
        ("torchvision/resnet_18", "torchvision/resnet18"),
        ("", ""),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_ones(name, first):
    with pytest.raises(UnknownArchitecture, match="nearest: ") as caught:
        describe(name, num_classes=10, input_shape=(3, 32, 32))
    assert caught.value.nearest == nearest(name)
    assert caught.value.nearest[0].startswith(first)


@pytest.mark.parametrize(
    ("name", "options", "option"),
    [
        ("resnet8", {"width": 0}, "width"),
        ("resnet8", {"width": -1.0}, "width"),
        ("resnet8", {"width": float("nan")}, "width"),
        ("resnet8", {"width": "wide"}, "width"),
        ("resnet8", {"width": True}, "width"),
        ("resnet8", {"width": [1]}, "width"),
        ("resnet8", {"width": 17}, "width"),
        ("resnet8", {"shortcut": "none"}, "shortcut"),
        ("resnet8", {"in_channels": 1}, "in_channels"),
        ("resnet8", {"colour": 1}, "colour"),
        ("fitnet1", {"batch_norm": 1}, "batch_norm"),
        ("torchvision/resnet18", {"width": 0.5}, "width"),
        ("torchvision/vit_b_16", {}, "architecture"),
        ("torchvision/maxvit_t", {}, "architecture"),
    ],
)
def test_what_a_network_cannot_have_is_refused_by_name(name, options, option):
    describe("fitnet1", num_classes=10, input_shape=(3, 232, 232), batch_norm=True)
    with pytest.raises(BadOption) as caught:
        describe(name, num_classes=10, input_shape=(3, 232, 232), **options)
    assert caught.value.option == option


def test_pictures_that_are_too_small_or_not_square_are_refused_with_the_remedy():
    with pytest.raises(InputTooSmall, match="at least 12x12"):
        describe("maxout-teacher", num_classes=10, input_shape=(1, 8, 8))
    with pytest.raises(BadOption, match="square"):
        describe("maxout-teacher", num_classes=10, input_shape=(1, 32, 28))
    with pytest.raises(BadOption, match="num_classes=0"):
        describe("resnet8", num_classes=0, input_shape=(1, 8, 8))


NAME_LIKE = st.one_of(
    OWN_NAMES,
    st.from_regex(r"(resnet|wrn-)[0-9]{0,4}(x4|-[0-9]{0,2})?", fullmatch=True),
    st.text(max_size=20),
)


@settings(deadline=None, max_examples=60)
@given(NAME_LIKE)
def test_the_catalogue_and_the_registry_know_the_same_names(name):
    owned = any(candidate.owns(name) for candidate in FAMILIES)
    try:
        architecture_info(name)
        known = True
    except UnknownArchitecture:
        known = False
    assert known == owned


def test_the_options_of_the_catalogue_are_those_of_the_networks():
    for candidate in FAMILIES:
        assert architecture_info(candidate.names[0]).options == candidate.options


def test_fewer_input_channels_keep_the_first_response_of_a_torchvision_network():
    torch.manual_seed(0)
    colour = build("torchvision/resnet18", 10)
    torch.manual_seed(0)
    grey = build("torchvision/resnet18", 10, in_channels=1)
    same = torch.rand(1, 1, 32, 32)
    assert grey.conv1(same).shape == (1, 64, 16, 16)
    expected = nn.functional.conv2d(same.expand(-1, 3, -1, -1), colour.conv1.weight[:, [0, 0, 0]], stride=2, padding=3)
    assert torch.allclose(grey.conv1(same), expected, atol=1e-5)


def test_reading_the_catalogue_imports_no_torch():
    code = (
        "import sys; from kdcore.spec.catalogue import architectures, describe; architectures();"
        "describe('resnet20', num_classes=10, input_shape=(3, 32, 32));"
        "sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_building_a_network_of_ours_imports_no_torchvision():
    code = "import sys, kdcore.models as m; m.build('resnet8', 10); sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("size", [(96, 96), (130, 641), (600, 300)])
@pytest.mark.parametrize(
    "name",
    [
        "detection/retinanet-resnet18",
        "detection/fcos-resnet50",
        "detection/retinanet-tiny",
        "detection/fasterrcnn-resnet18",
        "detection/fasterrcnn-tiny",
        "detection/ssdlite-mobilenet_v3_small",
    ],
)
def test_detectors_are_described_with_every_anchor_of_every_level(name, size):
    assert_described(name, 7, (3, *size))


def test_a_small_detector_is_described_at_any_width():
    assert_described("detection/fcos-tiny", 3, (1, 128, 100), width=0.3)
    assert_described("detection/retinanet-tiny", 3, (3, 96, 160), width=1.7, anchor_scale=3.0)
    assert_described("detection/fasterrcnn-tiny", 4, (2, 96, 161), width=0.7)
