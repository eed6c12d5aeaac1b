"""A student that was distilled costs what a plain one costs, and what costs more is seen."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from kdcore.export import Delivery, export_onnx
from kdcore.export.overhead import built_alike, overhead
from kdcore.models import build


def weights(name: str, *shape: int) -> TensorProto:
    return numpy_helper.from_array(np.zeros(shape, dtype=np.float32), name)


def written(path: Path, nodes: list[onnx.NodeProto], tensors: list[TensorProto]) -> Path:
    end = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y")]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", end[:1], end[1:], tensors)), str(path))
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["h"]),
        helper.make_node("Relu", ["h"], ["a"]),
        helper.make_node("Gemm", ["a", "v", "c"], ["y"], transB=1),
    ]
    tensors = [weights("w", 4, 3, 3, 3), weights("b", 4), weights("v", 10, 4), weights("c", 10)]
    return written(tmp_path / "plain.onnx", nodes, tensors)


def test_a_graph_adds_nothing_to_itself(plain: Path) -> None:
    assert overhead(plain, plain) == {
        "identical": True,
        "operators": {"Conv": 1, "Gemm": 1, "Relu": 1},
        "added": {},
        "removed": {},
        "parameters": {"student": 4 * 27 + 4 + 50, "plain": 4 * 27 + 4 + 50},
    }


def test_an_added_and_a_removed_operator_are_named(plain: Path, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["h"]),
        helper.make_node("Conv", ["h", "u"], ["a"]),
        helper.make_node("Gemm", ["a", "v", "c"], ["y"], transB=1),
    ]
    tensors = [
        weights("w", 4, 3, 3, 3),
        weights("u", 4, 4, 1, 1),
        weights("b", 4),
        weights("v", 10, 4),
        weights("c", 10),
    ]
    found = overhead(written(tmp_path / "student.onnx", nodes, tensors), plain)
    assert (found["identical"], found["added"], found["removed"]) == (False, {"Conv": 1}, {"Relu": 1})
    assert found["parameters"]["student"] - found["parameters"]["plain"] == 16 + 4


def test_wider_layers_of_the_same_operators_are_not_identical(plain: Path, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["h"]),
        helper.make_node("Relu", ["h"], ["a"]),
        helper.make_node("Gemm", ["a", "v", "c"], ["y"], transB=1),
    ]
    tensors = [weights("w", 5, 3, 3, 3), weights("b", 5), weights("v", 10, 5), weights("c", 10)]
    found = overhead(written(tmp_path / "student.onnx", nodes, tensors), plain)
    assert (found["identical"], found["added"], found["removed"]) == (False, {}, {})


def test_biases_left_out_for_being_zero_and_tensors_shared_for_being_equal_cost_the_same(tmp_path: Path) -> None:
    apart = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["h"]),
        helper.make_node("ConvTranspose", ["h", "w2", "b2"], ["a"], group=2),
        helper.make_node("Gemm", ["a", "v", "c"], ["y"]),
    ]
    shared = [
        helper.make_node("Conv", ["x", "w1"], ["h"]),
        helper.make_node("ConvTranspose", ["h", "w1"], ["a"], group=2),
        helper.make_node("Gemm", ["a", "v"], ["y"]),
    ]
    w1, w2, v = weights("w1", 4, 4, 3, 3), weights("w2", 4, 4, 3, 3), weights("v", 8, 10)
    plain = written(tmp_path / "a.onnx", apart, [w1, w2, v, weights("b1", 4), weights("b2", 8), weights("c", 10)])
    student = written(tmp_path / "b.onnx", shared, [w1, v])
    assert overhead(student, plain)["identical"]


def test_operators_inside_branches_count(plain: Path, tmp_path: Path) -> None:
    output = [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)]
    inner = helper.make_graph([helper.make_node("Exp", ["x"], ["z"])], "inner", [], output)
    nodes = [helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)]
    found = overhead(written(tmp_path / "student.onnx", nodes, []), plain)
    assert found["added"] == {"Exp": 2, "If": 1}


@pytest.mark.slow
def test_a_trained_student_has_the_graph_of_a_plain_one_with_its_weights(
    delivery: Delivery, float_onnx: Path, tmp_path: Path
) -> None:
    fresh = build("resnet8", 10, in_channels=1)
    fresh.load_state_dict(delivery.student.state_dict())
    export_onnx(fresh, delivery.input_shape, tmp_path / "plain.onnx")
    assert overhead(float_onnx, tmp_path / "plain.onnx")["identical"]


@pytest.mark.slow
def test_an_untrained_plain_student_serves_as_well_where_only_convolutions_have_biases(
    delivery: Delivery, float_onnx: Path, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    export_onnx(build("resnet8", 10, in_channels=1), delivery.input_shape, tmp_path / "plain.onnx")
    found = overhead(float_onnx, tmp_path / "plain.onnx")
    assert (found["identical"], found["added"], found["removed"]) == (True, {}, {})


@pytest.mark.slow
def test_a_kept_adapter_is_seen(delivery: Delivery, float_onnx: Path, tmp_path: Path) -> None:
    student = build("resnet8", 10, in_channels=1)
    student.load_state_dict(delivery.student.state_dict())
    student.pool = nn.Sequential(nn.Conv2d(64, 64, 1), nn.Sigmoid(), student.pool)
    export_onnx(student, delivery.input_shape, tmp_path / "student.onnx")
    found = overhead(tmp_path / "student.onnx", float_onnx)
    assert (found["identical"], found["added"]) == (False, {"Conv": 1, "Sigmoid": 1})


def test_networks_of_the_same_layers_are_built_alike_whatever_their_weights() -> None:
    first, second = (build("resnet8", num_classes=3, width=0.25) for _ in range(2))
    assert built_alike(first, second)
    assert not built_alike(first, build("resnet8", num_classes=4, width=0.25))
    assert not built_alike(first, build("resnet14", num_classes=3, width=0.25))


@pytest.mark.parametrize("change", ["hook", "forward", "layer"])
def test_what_computes_by_something_else_is_not_built_alike(change: str) -> None:
    first, second = (build("resnet8", num_classes=3, width=0.25) for _ in range(2))
    match change:
        case "hook":
            second.get_submodule("stem").register_forward_hook(lambda module, inputs, output: output)
        case "forward":
            second.get_submodule("stem").forward = torch.nn.Identity()
        case "layer":
            second.add_module("prompt", torch.nn.Linear(2, 2))
    assert not built_alike(first, second)
