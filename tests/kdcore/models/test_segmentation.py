"""Networks for segmentation: one tensor of masks, sizes as described, torchvision's weights by their own names."""

import pytest
import torch
import torchvision
from described import assert_described
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdcore.models import build
from kdcore.models.segmentation import TORCHVISION
from kdcore.models.trace import on_meta
from kdcore.spec.catalogue import WrongTask, architecture_info, check_task, describe
from kdcore.spec.points import resolve


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(2, 5), st.integers(1, 9), st.integers(1, 4), st.integers(1, 70), st.integers(1, 70), st.floats(0.02, 2)
)
def test_any_unet_is_as_described(depth, classes, channels, height, width, multiplier):
    told = assert_described(f"unet-{depth}", classes, (channels, height, width), width=multiplier)
    assert told.output == (classes, height, width)


@pytest.mark.parametrize("name", ["deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large", "fcn_resnet50"])
def test_networks_of_torchvision_are_as_described(name):
    assert_described(f"torchvision/{name}", 5, (3, 65, 96))


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
def test_every_network_of_torchvision_is_as_described(name):
    assert_described(name, 7, (1, 97, 64))


@pytest.mark.parametrize("name", TORCHVISION)
def test_parameters_are_those_that_torchvision_counts(name):
    plain = {"weights": None, "weights_backbone": None, "num_classes": 21}
    own = on_meta(lambda: torchvision.models.get_model(name.partition("/")[2], **plain))
    assert architecture_info(name).parameters == sum(p.numel() for p in own.parameters())


def test_masks_are_as_large_as_pictures_and_what_torchvision_says():
    torch.manual_seed(0)
    own = torchvision.models.get_model(
        "lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=4
    ).eval()
    model = build("torchvision/lraspp_mobilenet_v3_large", 4).eval()
    model.load_state_dict(own.state_dict())
    pictures = torch.rand(2, 3, 40, 56)
    with torch.no_grad():
        assert torch.equal(model(pictures), own(pictures)["out"])
        assert model(pictures).shape == (2, 4, 40, 56)


def test_parameters_of_a_unet_are_those_of_a_count_by_hand():
    def twice(inputs, outputs):
        return 9 * inputs * outputs + 9 * outputs**2 + 4 * outputs

    expected = twice(3, 16) + twice(16, 32) + (32 * 16 + 16) + twice(32, 16) + 16 * 5 + 5
    assert describe("unet-2", num_classes=5, input_shape=(3, 64, 64)).parameters == expected


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (32, 48)])
def test_a_unet_answers_pictures_of_any_size_and_every_weight_learns(size):
    torch.manual_seed(0)
    model = build("unet-3", 4, width=0.5)
    out = model(torch.rand(4, 3, *size))
    (out * torch.randn_like(out)).sum().backward()
    assert out.shape == (4, 4, *size)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_a_mirrored_picture_has_a_mirrored_mask_where_the_kernels_are_mirror_images():
    torch.manual_seed(0)
    model = build("unet-3", 4, width=0.5).eval().double()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 4:
                parameter.add_(parameter.flip(-1).clone())
        picture = torch.rand(1, 3, 16, 16, dtype=torch.double)
        assert torch.allclose(model(picture.flip(-1)), model(picture).flip(-1))


def test_logits_are_the_masks_even_where_the_classifier_works_on_smaller_maps():
    told = describe("torchvision/fcn_resnet50", num_classes=21, input_shape=(3, 96, 96))
    assert resolve("logits", told)[0].shape == (21, 96, 96)
    assert {layer.path: layer.shape for layer in told.layers}[told.classifier] == (21, 12, 12)
    assert all(path.startswith("backbone.") for path in told.features)


def test_networks_of_other_tasks_are_refused_in_words():
    with pytest.raises(WrongTask, match="unet-3 answers segmentation, the dataset asks for classification"):
        check_task("unet-3", "classification")
    with pytest.raises(WrongTask, match="such as unet-2"):
        check_task("resnet20", "segmentation")
