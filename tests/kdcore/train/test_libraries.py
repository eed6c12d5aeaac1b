"""Convolutional networks and transformers of torchvision and timm teach and learn, whatever the other side is."""

import pytest
import tiny_packs
from stepping import Bench

from kdcore.objective.networks import fingerprint

CNN, VIT = "timm/resnet10t", "timm/vit_tiny_patch16_224"
PAIRS = [
    ("torchvision/resnet18", "torchvision/mobilenet_v3_small"),
    (CNN, "timm/lcnet_050"),
    (VIT, VIT),
    ("torchvision/resnet18", VIT),
    (VIT, CNN),
    pytest.param("torchvision/vit_b_16", VIT, marks=pytest.mark.slow),
    pytest.param("torchvision/swin_t", "torchvision/swin_t", marks=pytest.mark.slow),
]
METHODS = ("hinton", "fitnet", "layer-matching")


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return folder, tiny_packs.pictures(folder)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("teacher", "student"), PAIRS)
def test_two_steps_move_the_student_and_nothing_else(pack, teacher, student, method):
    plan = tiny_packs.planned(*pack, {"architecture": teacher}, {"architecture": student}, method=method)
    bench = Bench(lambda **_: plan)
    for number in range(len(bench.run.stages)):
        stage = bench.stage(number)
        before = {name: fingerprint(network) for name, network in bench.networks.items()}
        for step in range(2):
            losses = stage.step(bench.batch, stage.plan.epochs - 1, step)
            assert all(value.isfinite() for value in losses.values()), losses
        assert {name for name, one in bench.networks.items() if fingerprint(one) != before[name]} == {"student"}
        stage.close()
