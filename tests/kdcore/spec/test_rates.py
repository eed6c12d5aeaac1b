"""Factors on the learning rate by module path."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import kdcore.models as models
from kdcore.spec.catalogue import describe
from kdcore.spec.rates import by_depth, frozen, product, rate_of

PATHS = st.sampled_from(["", "a", "a.b", "a.b.c", "ab", "a.d", "e"])
RATES = st.dictionaries(PATHS, st.sampled_from([0.0, 0.5, 0.75, 2.0]), max_size=5)
NAMES = st.sampled_from(["a.weight", "a.b.weight", "a.b.c.weight", "ab.weight", "a.d.bias", "e.weight", "token"])


def depth(name, decay):
    shape = (3, 224, 224) if "vit" in name and "torchvision" in name else (3, 32, 32)
    described = describe(name, num_classes=10, input_shape=shape)
    rates = by_depth(decay, [layer.path for layer in described.layers], described.features)
    with torch.device("meta"):
        return {own: rate_of(own, rates) for own, _ in models.build(name, 10).named_parameters()}


def test_the_longest_path_that_ends_at_a_dot_counts():
    rates = {"stages": 0.5, "stages.1": 0.1, "stages.1.blocks": 2.0}
    assert rate_of("stages.1.blocks.0.weight", rates) == 2.0
    assert rate_of("stages.10.weight", rates) == 0.5
    assert rate_of("stages2.weight", rates) == 1.0
    assert rate_of("stages2.weight", {**rates, "": 0.25}) == 0.25


@given(RATES, RATES, NAMES)
def test_the_product_gives_every_name_the_product_of_its_factors(first, second, name):
    assert rate_of(name, product(first, second)) == rate_of(name, first) * rate_of(name, second)


def test_what_is_frozen_stays_so_whatever_else_is_said():
    rates = product(frozen(["stages.0"]), {"stages.0.blocks": 3.0, "": 0.5})
    assert rate_of("stages.0.blocks.1.weight", rates) == 0
    assert rate_of("head.weight", rates) == 0.5


def test_of_three_blocks_the_last_has_the_decay_once_and_the_stem_four_times():
    rates = depth("resnet8", 0.5)
    assert rates["head.weight"] == 1
    assert rates["stages.2.blocks.0.conv1.weight"] == 0.5
    assert rates["stages.1.blocks.0.conv1.weight"] == 0.25
    assert rates["stages.0.blocks.0.conv1.weight"] == 0.125
    assert rates["stem.conv.weight"] == 0.0625


def test_a_transformer_s_token_and_positions_go_with_its_first_layer_and_its_last_norm_with_the_head():
    rates = depth("torchvision/vit_b_16", 0.75)
    first = 0.75**13
    assert [rates[name] for name in ("class_token", "conv_proj.weight", "encoder.pos_embedding")] == [first] * 3
    assert rates["encoder.layers.encoder_layer_11.mlp.0.weight"] == 0.75
    assert rates["encoder.ln.weight"] == rates["heads.head.weight"] == 1


def test_a_layer_between_two_blocks_goes_with_the_later_one():
    rates = by_depth(0.5, ["first", "relu", "second", "second.conv", "relu2", "head"], ["relu", "relu2"])
    assert [rate_of(f"{name}.weight", rates) for name in ("first", "second", "second.conv", "head")] == [
        0.125, 0.5, 0.5, 1,
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["resnet20", "wrn-16-1", "vit-4", "torchvision/mobilenet_v2", "torchvision/alexnet"])
def test_no_layer_learns_faster_than_one_behind_it(name):
    described = describe(name, num_classes=10, input_shape=(3, 64, 64))
    paths = [layer.path for layer in described.layers]
    rates = by_depth(0.9, paths, described.features)
    leaves = [path for path in paths if not any(other.startswith(path + ".") for other in paths)]
    found = [rate_of(path, rates) for path in leaves]
    assert found == sorted(found)
    assert found[-1] == 1
