"""What may be in an ONNX file of a stranger: weights inside, standard operators, sizes that are true."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto

from kdcore.bring.caps import Caps
from kdcore.bring.models.files import memory_at_most, refused
from kdcore.bring.models.tensors import SPARE_BYTES

DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
NODES = 100_000
PROTOBUF_BYTES = 2**31 - 1
"""Of one file, by the format itself."""


def read_graph(path: Path, caps: Caps) -> ModelProto:
    """The graph with all its weights, if everything in it is allowed; nothing outside the file is opened.

    Raises:
        EngineError: ``invalid_data`` with the name of what is not.
    """
    size = path.stat().st_size
    if size > PROTOBUF_BYTES:
        raise refused(path.name, "is larger than 2 GiB, which ONNX allows only with weights outside: not opened")
    try:
        with memory_at_most(6 * size + SPARE_BYTES):
            model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # the parser raises whatever forged bytes make it stumble over
        text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise refused(path.name, f"is no whole ONNX file ({text}); fetch it again") from None
    for item, fault in _faults(model, caps):
        raise refused(f"{path.name}, {item}", fault)
    return model


def _faults(model: ModelProto, caps: Caps) -> Iterator[tuple[str, str]]:
    if not model.graph.node:
        yield "graph", "has no operator"
    for opset in model.opset_import:
        if opset.domain not in DOMAINS:
            yield f"operator set {opset.domain!r}", f"only {', '.join(map(repr, DOMAINS))} are run"
    if model.functions:
        yield f"function {model.functions[0].name!r}", "functions are not run: write the graph with them inlined"
    if model.training_info:
        yield "training_info", "a graph that trains itself is not run"
    count = 0
    for graph in _graphs(model.graph):
        count += len(graph.node)
        if count > NODES:
            yield "graph", f"has more than {NODES} operators"
        if graph.sparse_initializer:
            yield "sparse initialiser", "weights must be plain tensors"
        for tensor in _tensors(graph):
            yield from ((f"tensor {tensor.name!r}", fault) for fault in _tensor_faults(tensor, caps))
        for node in graph.node:
            if node.domain not in DOMAINS:
                yield f"operator {node.op_type!r}", f"is of domain {node.domain!r}: only standard operators are run"
            if node.op_type in RANDOM:
                yield f"operator {node.op_type!r}", "draws at random: what a teacher says must be the same each time"


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph and all graphs inside its operators."""
    waiting = [graph]
    while waiting:
        found = waiting.pop()
        yield found
        for attribute in _attributes(found):
            waiting += [attribute.g] if attribute.HasField("g") else []
            waiting += list(attribute.graphs)


def _attributes(graph: GraphProto) -> Iterator[AttributeProto]:
    return (attribute for node in graph.node for attribute in node.attribute)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for attribute in _attributes(graph):
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        if attribute.HasField("sparse_tensor"):
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)


def _tensor_faults(tensor: TensorProto, caps: Caps) -> Iterator[str]:
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        place = next((entry.value for entry in tensor.external_data if entry.key == "location"), "elsewhere")
        yield f"lies outside the file, in {place[:200]!r}: nothing outside is opened; write the file with its weights"
        return
    if any(side < 0 for side in tensor.dims):
        yield f"has an impossible shape {list(tensor.dims)}"
        return
    wanted = prod(tensor.dims)
    if wanted > caps.model_bytes:
        yield f"claims {wanted} numbers, and {caps.model_bytes} bytes are allowed"
    elif wanted > _held(tensor):
        yield f"claims {wanted} numbers and holds fewer"


def _held(tensor: TensorProto) -> int:
    """Numbers that the tensor could hold at most, four bits each."""
    typed: list[Any] = [tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data]
    typed += [tensor.uint64_data, tensor.string_data]
    return max(2 * len(tensor.raw_data), *(2 * len(values) for values in typed))


def parameters_of(model: ModelProto) -> int:
    """Numbers in its initialisers, with more than one dimension or not."""
    return sum(prod(tensor.dims) for graph in _graphs(model.graph) for tensor in graph.initializer)
