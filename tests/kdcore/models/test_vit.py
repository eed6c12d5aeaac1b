"""Vision transformers: sizes, places to look at, and that the catalogue tells what they are."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdcore.models import build, landmarks
from kdcore.models.catalogue import family_record, line, network_record
from kdcore.models.pictures import VISION_TRANSFORMERS
from kdcore.models.trace import count_macs, on_meta, trace
from kdcore.spec.catalogue import BadOption, describe
from kdcore.spec.catalogue_records import FOLDER
from kdcore.spec.catalogue_sizes import PATCHES, default_patch
from kdcore.spec.points import resolve


def expected_parameters(depth, width, side, patch, channels, classes):
    """Counted by hand from the description in the paper."""
    block = 4 * (width * width + width) + 2 * 4 * width * width + 5 * width + 4 * width
    embedding = width * channels * patch**2 + width + (side // patch) ** 2 * width + width
    return embedding + depth * block + 2 * width + width * classes + classes


@pytest.mark.parametrize(("name", "side", "patch", "width"), [("vit-6", 32, 4, 1.0), ("vit-2", 8, 2, 0.25)])
def test_parameters_are_those_of_a_count_by_hand(name, side, patch, width):
    model = on_meta(lambda: build(name, 10, image_size=side, width=width))
    found = sum(p.numel() for p in model.parameters())
    assert found == expected_parameters(int(name[4:]), round(192 * width), side, patch, 3, 10)


@st.composite
def transformers(draw):
    patch = draw(st.sampled_from(PATCHES))
    side = patch * draw(st.integers(1, 6))
    options = {"width": draw(st.floats(0.01, 2.0)), "heads": draw(st.sampled_from([1, 2, 3, 4, 6, 12]))}
    if draw(st.booleans()):
        options["patch"] = patch
    return f"vit-{draw(st.integers(1, 7))}", draw(st.integers(1, 30)), (draw(st.integers(1, 4)), side, side), options


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(transformers())
def test_any_vision_transformer_is_as_described(network):
    name, classes, shape, options = network
    told = describe(name, num_classes=classes, input_shape=shape, **options)
    model = on_meta(lambda: build(name, classes, in_channels=shape[0], image_size=shape[1], **options))
    assert told.exact
    assert told.parameters == sum(p.numel() for p in model.parameters())
    assert told.macs == count_macs(model, shape)
    seen = {path: entry.calls[0][1] for path, entry in trace(model, shape).items() if path and entry.calls[0][1]}
    assert {layer.path: layer.shape for layer in told.layers} == seen
    found = landmarks(model)
    assert (told.features, told.classifier, told.middle) == (found.features, found.classifier, found.middle)
    assert told.aliases == found.aliases


def test_the_catalogue_s_lines_are_up_to_date():
    lines = {text.rstrip(",") for text in (FOLDER / "pictures.json").read_text(encoding="utf-8").splitlines()}
    assert line(family_record(VISION_TRANSFORMERS)) in lines
    (prototype,) = (one for one in VISION_TRANSFORMERS.prototypes if one.when == {"patch": 8})
    assert line(network_record(VISION_TRANSFORMERS, prototype)) in lines


@pytest.mark.parametrize(("side", "patch"), [(8, 2), (16, 2), (28, 4), (32, 4), (64, 8), (224, 16), (14, 2), (7, 7)])
def test_a_patch_that_is_left_out_makes_about_eight_by_eight_pieces(side, patch):
    assert default_patch(side) == patch
    assert build("vit-1", 10, image_size=side).embedding.patches.kernel_size == (patch, patch)


def test_pictures_that_no_patch_divides_are_refused_before_and_while_building():
    with pytest.raises(BadOption, match="resize"):
        describe("vit-4", num_classes=10, input_shape=(3, 33, 33))
    with pytest.raises(BadOption, match="multiples of 7"):
        describe("vit-4", num_classes=10, input_shape=(3, 32, 32), patch=7)
    with pytest.raises(BadOption, match="square"):
        describe("vit-4", num_classes=10, input_shape=(3, 32, 28))
    with pytest.raises(ValueError, match="does not divide"):
        build("vit-4", 10, image_size=32, patch=7)


def test_points_of_every_block_have_names_of_their_own():
    told = describe("vit-3", num_classes=10, input_shape=(1, 8, 8), heads=6)
    assert [place.point for place in resolve("keys", told)] == [f"blocks.{i}.attention.key" for i in range(3)]
    assert {place.shape for place in resolve("attention", told)} == {(6, 17, 17)}
    assert {place.shape for place in resolve("values", told)} == {(17, 192)}
    assert resolve("embedding", told)[0].shape == (17, 192)
    assert told.middle == "blocks.1"


def test_preactivations_of_a_residual_network_are_what_enters_its_last_activations():
    told = describe("resnet14", num_classes=10, input_shape=(3, 32, 32))
    places = resolve("preactivations", told)
    assert [place.point for place in places] == [f"{path}.relu2@in" for path in told.features]
    assert [place.shape[0] for place in places] == [16, 16, 32, 32, 64, 64]
    wide = describe("wrn-16-2", num_classes=10, input_shape=(3, 32, 32))
    assert wide.aliases["preactivations"] == wide.features


def test_scores_are_the_scaled_products_and_decide_the_output():
    torch.manual_seed(0)
    model, seen = build("vit-1", 10, in_channels=1, image_size=8).eval(), {}
    attention = model.blocks[0].attention
    for name in ("query", "key", "value", "scores"):
        attention.get_submodule(name).register_forward_hook(lambda _m, _a, out, name=name: seen.update({name: out}))
    x = torch.randn(2, 17, 192)
    out = attention(x)
    q, k, v = (seen[name].reshape(2, 17, 3, 64).transpose(1, 2) for name in ("query", "key", "value"))
    assert torch.allclose(seen["scores"], q @ k.mT / 8, atol=1e-5)
    fused = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    assert torch.allclose(out, attention.output(fused), atol=1e-5)


def test_every_weight_receives_a_gradient_and_one_seed_gives_one_set_of_bits():
    def fresh(seed):
        torch.manual_seed(seed)
        return build("vit-2", 10, width=0.25)

    model = fresh(0)
    model(torch.rand(4, 3, 32, 32)).logsumexp(1).sum().backward()
    silent = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    assert not silent
    again, other = fresh(0).state_dict(), fresh(1).state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in model.state_dict().items())
    assert not torch.equal(again["head.weight"], other["head.weight"])
