"""timm's classifiers by name: what is told of them is what timm builds, and names beyond the list say what there is."""

import pytest
import timm
import torch
from described import assert_described

from kdcore.models import build, landmarks
from kdcore.models.registry import families_of, family
from kdcore.spec.catalogue import BadOption, UnknownArchitecture, architecture_info, describe

NAMES = [name for one in families_of("timm") for name in one.names]
QUICK = ("resnet10t", "mobilenetv3_small_050", "lcnet_050", "convnext_atto", "regnetx_002", "edgenext_xx_small")


@pytest.mark.parametrize("name", [f"timm/{name}" for name in QUICK])
def test_a_convolutional_network_is_as_described_at_a_size_of_its_own(name):
    assert_described(name, 7, (1, 75, 96))


def test_a_transformer_is_as_described_at_a_size_of_its_own():
    assert_described("timm/vit_tiny_patch16_224", 7, (3, 64, 64))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_network_is_as_described(name):
    side = 64 if family(name).sizes else 97
    assert_described(name, 13, (1, side, side))


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_100", "efficientnet_b0", "deit_tiny_patch16_224"])
def test_parameters_are_those_that_timm_counts(name):
    with torch.device("meta"):
        own = sum(p.numel() for p in timm.create_model(name).parameters())
    assert architecture_info(f"timm/{name}").parameters == own


def test_a_known_count_is_told_without_timm():
    assert describe("timm/resnet18", num_classes=1000, input_shape=(3, 224, 224)).parameters == 11_689_512
    assert describe("timm/vit_tiny_patch16_224", num_classes=1000, input_shape=(3, 224, 224)).parameters == 5_717_416


def test_a_name_beyond_the_list_is_refused_with_what_is_known():
    with pytest.raises(UnknownArchitecture, match="of timm these are known: resnet10t, ") as caught:
        describe("timm/vgg16", num_classes=2, input_shape=(3, 32, 32))
    assert all(name.startswith("timm/") for name in caught.value.nearest)
    with pytest.raises(UnknownArchitecture, match="these are known"):
        build("timm/vgg16", 2)


def test_a_transformer_is_built_for_the_size_of_the_dataset_and_only_for_whole_patches():
    model = build("timm/vit_tiny_patch16_224", 5, image_size=32).eval()
    assert model(torch.rand(1, 3, 32, 32)).shape == (1, 5)
    with pytest.raises(BadOption, match="multiples of 16"):
        describe("timm/vit_tiny_patch16_224", num_classes=5, input_shape=(3, 40, 40))


@pytest.mark.parametrize("name", ["timm/convnext_atto", "timm/vit_tiny_patch16_224", "timm/regnetx_002"])
def test_features_are_blocks_and_neither_stems_nor_closing_layers(name):
    options = {"image_size": 32} if "vit" in name else {}
    found = landmarks(build(name, 5, **options))
    assert len(found.features) > 4
    assert all(path.startswith(("blocks.", "stages.", "s")) and "stem" not in path for path in found.features)
    assert found.middle in found.features
