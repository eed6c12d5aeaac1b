"""A file that does not answer as the student does is caught and removed."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor

from kdcore.export import Delivery, Export, Tolerance, export_safetensors, load_safetensors, verify
from kdcore.measure import predict


def check(path: Path, delivery: Delivery, format: str = "onnx", **options: Any) -> Export:
    answers = predict(delivery.student, delivery.inputs)
    return verify(path, format=format, inputs=delivery.inputs, answers=answers, judge=delivery.judge, **options)


@pytest.fixture
def copy(float_onnx: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(float_onnx, tmp_path / "student.onnx"))


def test_one_changed_kernel_is_caught_and_the_file_withheld(delivery: Delivery, copy: Path) -> None:
    model = onnx.load(str(copy))
    weight = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    values = numpy_helper.to_array(weight).copy()
    values[0] += 1
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, str(copy))
    found = check(copy, delivery)
    assert not found.verified
    assert found.reason is not None
    assert found.reason.startswith("its logits differ by up to ")
    assert not copy.exists()


def test_a_damaged_file_is_withheld_with_what_the_fresh_process_said(delivery: Delivery, copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:1000])
    found = check(copy, delivery)
    assert found.reason is not None
    assert found.reason.startswith("a fresh process cannot load and run it: ")
    assert (found.verified, found.sha256, found.max_difference) == (False, None, None)
    assert not copy.exists()


def test_a_frozen_batch_size_is_caught(delivery: Delivery, copy: Path) -> None:
    model = onnx.load(str(copy))
    for end in (*model.graph.input, *model.graph.output):
        end.type.tensor_type.shape.dim[0].dim_value = 2
    onnx.save(model, str(copy))
    found = check(copy, delivery)
    assert found.reason is not None
    assert "INVALID_ARGUMENT" in found.reason


def test_a_lost_score_is_stated_in_points(delivery: Delivery, labels: Tensor, copy: Path) -> None:
    answers = predict(delivery.student, delivery.inputs)
    perfect = torch.nn.functional.one_hot(labels, 10).float()
    lost = 1 - float((answers.argmax(1) == labels).float().mean())
    found = verify(
        copy,
        format="onnx",
        inputs=delivery.inputs,
        answers=perfect,
        judge=delivery.judge,
        tolerance=Tolerance(score_drop=0.01),
    )
    assert found.reason == f"it loses {lost * 100:.1f} points of what the student scores, 1.0 are allowed"


def test_a_process_that_takes_too_long_is_ended(delivery: Delivery, copy: Path) -> None:
    found = check(copy, delivery, timeout=0.01)
    assert found.reason == "a fresh process did not answer within 0.01 s"


@pytest.mark.slow
def test_weights_that_do_not_fit_their_header_are_withheld(delivery: Delivery, tmp_path: Path) -> None:
    path = tmp_path / "student.safetensors"
    export_safetensors(delivery.student, path, {**delivery.description, "num_classes": 11})
    found = check(path, delivery, format="safetensors")
    assert found.reason is not None
    assert "WeightsError" in found.reason
    assert "wanted [11" in found.reason


def test_a_reloaded_safetensors_student_has_the_same_bits(delivery: Delivery, tmp_path: Path) -> None:
    path = tmp_path / "student.safetensors"
    export_safetensors(delivery.student, path, delivery.description)
    reloaded = load_safetensors(path).state_dict()
    original = delivery.student.state_dict()
    assert list(reloaded) == list(original)
    assert all(torch.equal(reloaded[name], original[name]) for name in original)


def test_safetensors_without_its_architecture_names_what_is_missing(delivery: Delivery, tmp_path: Path) -> None:
    path = tmp_path / "student.safetensors"
    export_safetensors(delivery.student, path, {"num_classes": 10})
    with pytest.raises(ValueError, match="does not say its architecture"):
        load_safetensors(path)


def test_checking_an_onnx_file_needs_no_torch(float_onnx: Path, delivery: Delivery, tmp_path: Path) -> None:
    import numpy as np

    np.save(tmp_path / "in.npy", delivery.inputs[:3].numpy())
    program = (
        "import sys; sys.modules['torch'] = None; from kdcore.export.check import main; "
        f"main(['onnx', {str(float_onnx)!r}, {str(tmp_path / 'in.npy')!r}, {str(tmp_path / 'out.npy')!r}])"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    expected = predict(delivery.student, delivery.inputs[:3]).numpy()
    assert np.allclose(np.load(tmp_path / "out.npy"), expected, atol=1e-4)
