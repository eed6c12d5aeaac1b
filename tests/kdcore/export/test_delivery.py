"""What a job asked for is delivered verified; what fails is withheld with the reason and nothing else is lost."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from kdcore.export import Delivery, deliver


@pytest.mark.slow
def test_every_format_of_a_trained_student_is_verified_in_a_fresh_process(delivery: Delivery, tmp_path: Path) -> None:
    wanted = ["safetensors", "onnx", "onnx-fp16", "onnx-int8", "torch-export"]
    found = {export.format: export for export in deliver(delivery, wanted, tmp_path)}
    assert {name: export.reason for name, export in found.items()} == dict.fromkeys([*wanted, "loader"])
    for exact in ("safetensors", "loader", "onnx", "torch-export"):
        assert found[exact].agreement == 1.0
        assert (found[exact].max_difference or 0) < 1e-3
    whole, half, int8 = (found[name] for name in ("onnx", "onnx-fp16", "onnx-int8"))
    assert 1e-5 < (half.max_difference or 0) < (int8.max_difference or 0)
    assert whole.share_of_float == 1.0
    assert (half.share_of_float or 1) < 0.55
    assert (int8.share_of_float or 1) < 0.35
    assert all(one.latency_ms is not None and one.latency_ms.p50 > 0 for one in (whole, half, int8))
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", *(one.name for one in found.values())}
    assert delivery.student.training
    for file in tmp_path.iterdir():
        assert b"site-packages" not in file.read_bytes()


def test_int8_alone_needs_no_float_file_beside_it(delivery: Delivery, tmp_path: Path) -> None:
    (found,) = deliver(delivery, ["onnx-int8"], tmp_path)
    assert found.verified
    assert [path.name for path in tmp_path.iterdir()] == ["student.int8.onnx"]


def test_an_int8_file_no_smaller_than_the_float_one_is_withheld(delivery: Delivery, tmp_path: Path) -> None:
    torch.manual_seed(0)
    tiny = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(4, 10))
    found = deliver(replace(delivery, student=tiny), ["onnx", "onnx-int8"], tmp_path)
    assert found[0].verified
    assert not found[1].verified
    assert found[1].reason is not None
    assert "bytes are no fewer than" in found[1].reason
    assert found[1].sha256 is None
    assert [path.name for path in tmp_path.iterdir()] == ["student.onnx"]


def test_too_few_calibration_pictures_are_counted_in_the_reason(delivery: Delivery, tmp_path: Path) -> None:
    few = replace(delivery, calibration=delivery.calibration[:8])
    (found,) = deliver(few, ["onnx-int8"], tmp_path)
    assert found.reason == "int8 needs 32 training examples to calibrate its ranges and got 8"
    assert not list(tmp_path.iterdir())


def scaled(weight: float, seed: int = 0) -> nn.Module:
    """One layer with weights up to ``weight``, each output from one pixel alone."""
    torch.manual_seed(seed)
    layer = nn.Linear(64, 10, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[torch.arange(10), torch.arange(20, 30)] = weight
    return nn.Sequential(nn.Flatten(), layer)


def test_weights_as_large_as_half_precision_holds_are_delivered_in_it(delivery: Delivery, tmp_path: Path) -> None:
    (found,) = deliver(replace(delivery, student=scaled(50_000)), ["onnx-fp16"], tmp_path)
    assert found.reason is None


def test_weights_beyond_half_precision_are_counted_in_the_reason(delivery: Delivery, tmp_path: Path) -> None:
    whole, half = deliver(replace(delivery, student=scaled(70_000)), ["onnx", "onnx-fp16"], tmp_path)
    assert whole.verified
    assert half.reason == "10 weights lie beyond 65,504, the largest number in half precision (up to 7e+04)"
    assert [path.name for path in tmp_path.iterdir()] == ["student.onnx"]


def test_half_precision_that_answers_otherwise_is_withheld(delivery: Delivery, tmp_path: Path) -> None:
    class Cancelling(nn.Module):
        """What it answers is in digits of its weights that half precision has not."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(64, 10)
            nn.init.normal_(self.layer.weight, mean=3000, std=0.1)

        def forward(self, images: Tensor) -> Tensor:
            flat = images.flatten(1)
            return self.layer(flat) - 3000 * flat.sum(1, keepdim=True)

    (half,) = deliver(replace(delivery, student=Cancelling()), ["onnx-fp16"], tmp_path)
    assert half.reason is not None
    assert half.reason.startswith("its logits differ by up to ")
    assert not list(tmp_path.iterdir())


def test_an_operator_that_onnx_has_not_is_named_in_the_reason(delivery: Delivery, tmp_path: Path) -> None:
    class Curved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(64, 10)

        def forward(self, images: Tensor) -> Tensor:
            return torch.special.bessel_j0(self.layer(images.flatten(1)))

    found = deliver(replace(delivery, student=Curved()), ["onnx", "onnx-int8"], tmp_path)
    for export in found:
        assert export.reason is not None
        assert "bessel_j0" in export.reason
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_network_that_onnx_cannot_say_is_withheld_and_the_weights_are_still_delivered(
    delivery: Delivery, tmp_path: Path
) -> None:
    class Branching(type(delivery.student)):  # type: ignore[misc]
        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = super().forward(images)
            return logits if float(logits.sum()) > 0 else logits + 0

    student = delivery.student
    original = student.__class__
    student.__class__ = Branching
    try:
        weights, loader, graph = deliver(replace(delivery), ["safetensors", "onnx"], tmp_path)
    finally:
        student.__class__ = original
    assert weights.verified
    assert loader.reason is not None
    assert loader.reason.startswith("torch.export cannot follow the network: ")
    assert graph.reason is not None
    assert graph.reason.startswith("the network cannot be written as ONNX: ")
    assert [path.name for path in tmp_path.iterdir()] == ["student.safetensors"]


def test_an_unknown_format_is_a_mistake_of_the_caller(delivery: Delivery, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown format 'onnx-int4'; known: safetensors, onnx, "):
        deliver(delivery, ["onnx-int4"], tmp_path)


def test_model_files_say_what_they_are_and_nothing_of_this_machine(
    delivery: Delivery, float_onnx: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import onnx

    model = onnx.load(str(float_onnx))
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert facts["architecture"] == "resnet8"
    assert json.loads(facts["options"]) == {"in_channels": 1}
    content = float_onnx.read_bytes()
    for trace in (b"site-packages", b".py", str(Path.cwd()).encode()):
        assert trace not in content
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_the_exporter_says_nothing(delivery: Delivery, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    deliver(delivery, ["onnx", "onnx-int8"], tmp_path)
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
