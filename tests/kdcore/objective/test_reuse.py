"""SimKD's student: its own body, a projector, and the frozen classifier of its teacher."""

import copy

import pytest
import torch
from torch import nn

from kdcore import run
from kdcore.export.graph import export_onnx
from kdcore.models import build
from kdcore.objective.paths import build as path
from kdcore.objective.paths.split import split
from kdcore.objective.points import Capture
from kdcore.spec import SpecError

SIZES = {
    "resnet8": 16, "wrn-10-1": 16, "fitnet1": 32, "torchvision/resnet18": 32, "torchvision/mobilenet_v2": 32,
    "torchvision/squeezenet1_1": 64, "torchvision/densenet121": 32, "torchvision/shufflenet_v2_x0_5": 32,
}  # fmt: skip


def network(name, classes=5, seed=0, **options):
    torch.manual_seed(seed)
    return build(name, classes, **options)


def pictures(side=16, count=4):
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(3))


def reuse(student=None, teacher=None, images=None, **options):
    student = network("resnet8", width=0.5) if student is None else student
    teacher = network("resnet8", seed=1) if teacher is None else teacher
    torch.manual_seed(2)
    return path("reuse", student, options, sample=pictures() if images is None else images, borrowed=teacher)


@pytest.mark.parametrize("name", SIZES)
def test_a_network_is_cut_in_three_that_say_what_it_says(name):
    whole, images = network(name).eval(), pictures(SIZES[name], 2)
    parts = split(whole, images)
    with torch.no_grad():
        feature = parts.body(images)
        assert feature.ndim == 4
        torch.testing.assert_close(parts.head(parts.pool(feature)), whole(images))
    owned = set(map(id, whole.parameters()))
    shared = [id(p) for part in (parts.body, parts.pool, parts.head) for p in part.parameters()]
    assert set(shared) == owned
    assert len(shared) == len(owned)


def test_cutting_leaves_the_network_in_its_mode_and_its_statistics_alone():
    whole = network("resnet8").train()
    before = copy.deepcopy(whole.state_dict())
    split(whole, pictures())
    assert whole.training
    assert all(torch.equal(before[name], tensor) for name, tensor in whole.state_dict().items())


@pytest.mark.parametrize(
    ("name", "options"), [("vit-2", {"width": 0.25, "image_size": 32}), ("torchvision/swin_t", {})]
)
def test_a_network_without_a_last_map_is_refused_with_those_that_have_one(name, options):
    with pytest.raises(ValueError, match=r"cannot be cut .*gives no map.*: networks whose classifier reads one map"):
        split(network(name, **options), pictures(32, 2))


def test_a_perfect_projection_gets_the_teacher_s_own_logits():
    teacher, images = network("resnet8", seed=1).eval(), pictures()
    piece = reuse(teacher=teacher).eval()
    with Capture(teacher, ["stages.2.blocks.0"]) as capture, torch.no_grad():
        feature = capture(images)["stages.2.blocks.0"]
        torch.testing.assert_close(piece.head(piece.pool(feature)), teacher(images))


def test_the_student_s_body_and_the_projector_learn_and_the_borrowed_classifier_does_not():
    piece = reuse().train()
    piece(pictures()).square().sum().backward()
    learns = {name.split(".")[0] for name, p in piece.named_parameters() if p.grad is not None}
    assert learns == {"body", "projector"}
    assert {name.split(".")[0] for name, p in piece.named_parameters() if p.requires_grad} == learns


def test_the_borrowed_part_stays_in_evaluation_mode():
    teacher = network("wrn-10-1", seed=1)
    piece = reuse(teacher=teacher).train()
    before = copy.deepcopy(piece.pool.state_dict())
    piece(pictures())
    assert piece.body.training
    assert any(isinstance(part, nn.BatchNorm2d) for part in piece.pool.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in piece.pool.state_dict().items())


def test_a_lender_that_changes_later_changes_nothing_here():
    teacher, images = network("resnet8", seed=1), pictures()
    piece = reuse(teacher=teacher).eval()
    expected = piece(images)
    teacher.head.weight.data.zero_()
    assert torch.equal(piece(images), expected)


@pytest.mark.parametrize(
    ("student", "teacher"),
    [("resnet8", "maxout-teacher"), ("maxout-teacher", "resnet8"), ("resnet8", "wrn-10-1")],
)
def test_maps_of_other_sizes_are_brought_to_the_teacher_s(student, teacher):
    images = pictures(32)
    lender = network(teacher, seed=1)
    piece = reuse(network(student), lender, images)
    with Capture(piece, ["projector"]) as capture:
        assert capture(images)["projector"].shape[1:] == split(lender, images).feature.shape[1:]
    assert piece(images).shape == (4, 5)


def test_a_projector_may_go_below_zero_where_the_teacher_s_map_does():
    assert isinstance(reuse().projector.layers[-1], nn.ReLU)
    assert isinstance(reuse(teacher=network("wrn-10-1")).projector.layers[-1], nn.BatchNorm2d)


def test_a_factor_narrows_the_bottleneck():
    widths = [part.out_channels for part in reuse(factor=4).projector.layers if isinstance(part, nn.Conv2d)]
    assert widths == [16, 16, 64]


def test_blocks_of_the_student_and_the_penultimate_feature_can_be_captured_by_name():
    with Capture(reuse(), ["body.stages.0.blocks.0", "body.stages.2.blocks.0", "head@in", "logits"]) as capture:
        seen = capture(pictures())
    assert seen["body.stages.2.blocks.0"].shape == (4, 32, 4, 4)
    assert seen["head@in"].shape == (4, 64)


def test_a_copy_is_independent_and_a_state_dict_holds_all_of_it():
    piece, images = reuse().eval(), pictures()
    twin, fresh = copy.deepcopy(piece), reuse(network("resnet8", width=0.5, seed=7), network("resnet8", seed=8)).eval()
    assert not torch.equal(fresh(images), piece(images))
    fresh.load_state_dict(piece.state_dict())
    expected = piece(images)
    assert torch.equal(fresh(images), expected)
    for parameter in twin.parameters():
        parameter.data.add_(1)
    assert torch.equal(piece(images), expected)


@pytest.mark.slow
def test_it_is_one_onnx_graph_for_any_number_of_pictures(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    piece = reuse().eval()
    export_onnx(piece, (3, 16, 16), tmp_path / "student.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "student.onnx")
    for count in (1, 5):
        images = pictures(count=count)
        (logits,) = session.run(None, {"images": images.numpy()})
        torch.testing.assert_close(torch.from_numpy(logits), piece(images).detach(), rtol=1e-4, atol=1e-5)


def test_a_spec_that_reuses_a_transformer_s_classifier_is_refused_before_anything_runs(tiny_plan):
    with pytest.raises(SpecError, match=r"path 'reuse' acts on maps .*teacher's blocks.3 has"):
        tiny_plan(method="simkd", teacher={"architecture": "vit-4", "width": 0.25})


@pytest.mark.slow
def test_a_job_delivers_the_student_with_its_teacher_s_classifier(tiny_plan, tmp_path):
    result = run(tiny_plan(method="simkd", deliver=["onnx"]), tmp_path, lambda record: None)
    assert "student.onnx" in {file.name for file in result.artifacts.iterdir()}
