"""ONNX files: what answers one tensor with one tensor becomes a black box; what is doubtful is refused by name."""

import resource

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import kdcore.models as models
from kdcore.bring.caps import Caps
from kdcore.errors import EngineError
from kdcore.export.graph import export_onnx
from kdcore.models.blackbox import BlackBoxError, OnnxNetwork

IMAGE = {"kind": "image", "shape": [3, 8, 8]}


def graph(
    path, nodes, *, inputs=(("x", TensorProto.FLOAT, [None, 4]),), outputs=(("y", [None, 3]),), weights=(), **more
):
    """A small ONNX file; returns its path."""
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(*one) for one in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        list(weights),
    )
    opsets = more.pop("opsets", [helper.make_opsetid("", 17)])
    model = helper.make_model(made, opset_imports=opsets, ir_version=8, **more)
    path.write_bytes(model.SerializeToString())
    return path


def linear(path, **more):
    weights = [numpy_helper.from_array(np.eye(4, 3, dtype=np.float32), "w")]
    return graph(path, [helper.make_node("MatMul", ["x", "w"], ["y"])], weights=weights, **more)


def asked(card):
    return {key: value for key, value in card.options.items() if key != "says"} | {"says": card.options["says"]}


def test_a_network_of_ours_answers_as_before_it_was_exported(bring, tmp_path):
    source = models.build("resnet8", 5, width=0.25).eval()
    export_onnx(source, (3, 8, 8), tmp_path / "m.onnx")
    card = bring(tmp_path / "m.onnx", format="onnx", classes=list("abcde"))
    assert card.kind == "onnx"
    assert card.input.shape == (3, 8, 8)
    assert card.num_outputs == 5
    assert card.options == {"output": "logits", "batch": None, "channels_last": False, "says": "logits"}
    assert [file.path for file in card.files] == ["model.onnx"]
    network = OnnxNetwork(tmp_path / "out" / "model.onnx", **asked(card))
    pictures = torch.randn(130, 3, 8, 8)
    with torch.no_grad():
        assert torch.allclose(network(pictures), source(pictures), atol=1e-4)
    assert not network(pictures.requires_grad_()).requires_grad


def test_probabilities_are_noticed_and_become_logits(bring, tmp_path):
    source = nn.Sequential(models.build("resnet8", 5, width=0.25), nn.Softmax(1)).eval()
    export_onnx(source, (3, 8, 8), tmp_path / "m.onnx")
    card = bring(tmp_path / "m.onnx", format="onnx")
    assert card.options["says"] == "probabilities"
    network = OnnxNetwork(tmp_path / "out" / "model.onnx", **asked(card))
    pictures = torch.randn(4, 3, 8, 8)
    with torch.no_grad():
        assert torch.allclose(network(pictures).softmax(1), source(pictures), atol=1e-5)


def test_a_fixed_batch_is_filled_up(bring, tmp_path):
    path = linear(tmp_path / "m.onnx", inputs=[("x", TensorProto.FLOAT, [4, 4])], outputs=[("y", [4, 3])])
    card = bring(path, format="onnx")
    assert card.options["batch"] == 4
    rows = torch.randn(6, 4)
    assert torch.equal(OnnxNetwork(path, **asked(card))(rows), rows[:, :3])


def test_pictures_with_channels_last_are_turned(bring, tmp_path):
    nodes = [helper.make_node("ReduceMean", ["x"], ["y"], axes=[1, 2], keepdims=0)]
    path = graph(tmp_path / "m.onnx", nodes, inputs=[("x", TensorProto.FLOAT, [None, 8, 8, 3])])
    card = bring(path, format="onnx", input=IMAGE)
    assert card.options["channels_last"] is True
    pictures = torch.randn(2, 3, 8, 8)
    assert torch.allclose(OnnxNetwork(path, **asked(card))(pictures), pictures.mean((2, 3)), atol=1e-5)


def test_a_value_for_each_example_is_one_output(bring, tmp_path):
    nodes = [helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)]
    weights = [numpy_helper.from_array(np.array([1]), "axes")]
    card = bring(
        graph(tmp_path / "m.onnx", nodes, weights=weights, outputs=[("y", [None])]), format="onnx", task="regression"
    )
    assert card.num_outputs == 1
    assert card.options["says"] == "values"
    assert card.input.kind == "table"


def test_one_of_several_outputs_is_named(bring, tmp_path):
    nodes = [helper.make_node("Identity", ["x"], [name]) for name in "ab"]
    path = graph(tmp_path / "m.onnx", nodes, outputs=[("a", [None, 4]), ("b", [None, 4])])
    with pytest.raises(EngineError, match="has 2 outputs: name one of a, b"):
        bring(path, format="onnx")
    with pytest.raises(EngineError, match="no output 'c'"):
        bring(path, format="onnx", output="c")
    assert bring(path, format="onnx", output="b").options["output"] == "b"


def test_two_files_have_two_fingerprints(tmp_path):
    from kdcore.objective.networks import fingerprint

    first, second = linear(tmp_path / "a.onnx"), linear(tmp_path / "b.onnx", producer_name="b")
    assert fingerprint(OnnxNetwork(first, output="y")) != fingerprint(OnnxNetwork(second, output="y"))


def external(location):
    tensor = numpy_helper.from_array(np.eye(4, 3, dtype=np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", str(location)
    return tensor


@pytest.mark.parametrize("location", ["weights.bin", "../secret", "/etc/passwd"])
def test_weights_outside_the_file_are_not_read(bring, tmp_path, location):
    (tmp_path / "weights.bin").write_bytes(np.eye(4, 3, dtype=np.float32).tobytes())
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    with pytest.raises(EngineError, match="tensor 'w': lies outside the file"):
        bring(graph(tmp_path / "m.onnx", nodes, weights=[external(location)]), format="onnx")


def test_weights_outside_are_found_inside_attributes_and_subgraphs(bring, tmp_path):
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["z"], value=external("secret"))],
        "inner",
        [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [4, 3])],
    )
    nodes = [
        helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True), "yes")),
        helper.make_node("If", ["yes"], ["w"], then_branch=inner, else_branch=inner),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    with pytest.raises(EngineError, match="lies outside the file, in 'secret'"):
        bring(graph(tmp_path / "m.onnx", nodes), format="onnx")


def test_operators_of_others_are_not_run(bring, tmp_path):
    nodes = [helper.make_node("Evil", ["x"], ["y"], domain="com.example")]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    with pytest.raises(EngineError, match=r"operator set 'com\.example'"):
        bring(graph(tmp_path / "m.onnx", nodes, opsets=opsets), format="onnx")
    with pytest.raises(EngineError, match=r"operator 'Evil': is of domain 'com\.example'"):
        bring(graph(tmp_path / "m.onnx", nodes), format="onnx")


def test_a_weight_that_claims_more_than_it_holds_is_refused(bring, tmp_path):
    weight = numpy_helper.from_array(np.eye(4, 3, dtype=np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    for dims, says in (([4, 10**6], "holds fewer"), ([2**40, 2**20], "are allowed"), ([4, -3], "impossible shape")):
        del weight.dims[:]
        weight.dims.extend(dims)
        with pytest.raises(EngineError, match=f"tensor 'w'.*{says}"):
            bring(graph(tmp_path / "m.onnx", nodes, weights=[weight]), format="onnx")


def test_an_answer_that_takes_all_memory_is_stopped(bring, tmp_path):
    shape = numpy_helper.from_array(np.array([2**20, 2**17]), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["big"]),
        helper.make_node("ReduceMax", ["big"], ["top"], keepdims=0),
        helper.make_node("Add", ["x", "top"], ["y"]),
    ]
    with pytest.raises(EngineError, match="cannot be run within the limits"):
        bring(graph(tmp_path / "m.onnx", nodes, weights=[shape], outputs=[("y", [None, 4])]), format="onnx")
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


def test_an_endless_loop_is_stopped(tmp_path):
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Add", ["v", "v"], ["w"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [None, 4]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [None, 4]),
        ],
    )
    weights = [numpy_helper.from_array(np.array(2**62), "trips"), numpy_helper.from_array(np.array(True), "yes")]
    nodes = [helper.make_node("Loop", ["trips", "yes", "x"], ["y"], body=body)]
    path = graph(tmp_path / "m.onnx", nodes, weights=weights, outputs=[("y", [None, 4])])
    with pytest.raises(BlackBoxError):
        OnnxNetwork(path, output="y", seconds=0.3)(torch.randn(2, 4))


def test_a_teacher_that_draws_at_random_is_refused(bring, tmp_path):
    nodes = [helper.make_node("RandomNormalLike", ["x"], ["y"])]
    with pytest.raises(EngineError, match="draws at random"):
        bring(graph(tmp_path / "m.onnx", nodes, outputs=[("y", [None, 4])]), format="onnx")


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([("x", TensorProto.FLOAT, [None, 4]), ("z", TensorProto.FLOAT, [None, 4])], "takes 2 inputs"),
        ([("x", TensorProto.STRING, [None, 4])], r"takes tensor\(string\)"),
        ([("x", TensorProto.FLOAT, [None])], "has 1 dimensions"),
        ([("x", TensorProto.FLOAT, [None, "width"])], "say what it takes"),
    ],
)
def test_inputs_that_no_dataset_has_are_refused(bring, tmp_path, inputs, says):
    nodes = [helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Cast", ["s"], ["y"], to=TensorProto.FLOAT)]
    with pytest.raises(EngineError, match=says):
        bring(graph(tmp_path / "m.onnx", nodes, inputs=inputs, outputs=[("y", [None])]), format="onnx")


def test_an_answer_of_the_wrong_rank_is_refused(bring, tmp_path):
    with pytest.raises(EngineError, match="segmentation needs 4 dimensions"):
        bring(linear(tmp_path / "m.onnx"), format="onnx", task="segmentation")


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"\x08\xff\xff", np.random.default_rng(0).bytes(5000)])
def test_what_is_no_onnx_file_is_refused(bring, tmp_path, content):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(EngineError, match=r"m\.onnx"):
        bring(tmp_path / "m.onnx", format="onnx")


def test_a_truncated_file_is_refused(bring, tmp_path):
    path = linear(tmp_path / "m.onnx")
    whole = path.read_bytes()
    for kept in range(1, len(whole), 7):
        path.write_bytes(whole[:kept])
        with pytest.raises(EngineError):
            bring(path, format="onnx")


def test_the_cap_on_bytes_holds(bring, tmp_path):
    with pytest.raises(EngineError, match="are allowed"):
        bring(linear(tmp_path / "m.onnx"), format="onnx", caps=Caps(model_bytes=10))
