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
    found = deliver(delivery, ["safetensors", "onnx", "onnx-int8"], tmp_path)
    assert [(export.format, export.verified, export.reason) for export in found] == [
        ("safetensors", True, None),
        ("onnx", True, None),
        ("onnx-int8", True, None),
    ]
    weights, graph, int8 = found
    for exact in (weights, graph):
        assert exact.agreement == 1.0
        assert exact.max_difference is not None
        assert exact.max_difference < 1e-3
    assert int8.max_difference is not None
    assert int8.max_difference > 1e-3
    assert int8.bytes is not None
    assert graph.bytes is not None
    assert int8.bytes < 0.35 * graph.bytes
    assert {path.name for path in tmp_path.iterdir()} == {export.name for export in found}
    assert delivery.student.training


def test_int8_alone_needs_no_float_file_beside_it(delivery: Delivery, tmp_path: Path) -> None:
    (found,) = deliver(delivery, ["onnx-int8"], tmp_path)
    assert found.verified
    assert [path.name for path in tmp_path.iterdir()] == ["student.int8.onnx"]


def test_an_int8_file_no_smaller_than_the_float_one_is_withheld(delivery: Delivery, tmp_path: Path) -> None:
    torch.manual_seed(0)
    tiny = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 10))
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
        weights, graph = deliver(delivery, ["safetensors", "onnx"], tmp_path)
    finally:
        student.__class__ = original
    assert weights.verified
    assert graph.reason is not None
    assert graph.reason.startswith("the network cannot be written as ONNX: ")
    assert [path.name for path in tmp_path.iterdir()] == ["student.safetensors"]


def test_an_unknown_format_is_a_mistake_of_the_caller(delivery: Delivery, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown format 'onnx-int4'; known: safetensors, onnx, onnx-int8"):
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
