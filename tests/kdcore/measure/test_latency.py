"""Latency of real ONNX files, side by side."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from kdcore.measure import latencies, latency, peak_memory


def product_file(path: Path, width: int) -> Path:
    """An ONNX file that multiplies images [batch, width] by a width x width matrix."""
    matrix = onnx.numpy_helper.from_array(np.eye(width, dtype=np.float32), "matrix")
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", width]) for n in ("images", "logits")]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["images", "matrix"], ["logits"])], "product", ends[:1], ends[1:], [matrix]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, str(path))
    return path


def test_a_batch_of_many_is_slower_than_a_batch_of_one(tmp_path: Path) -> None:
    path = product_file(tmp_path / "product.onnx", 256)
    one, many = (latency(path, (256,), batch=batch, seconds=0.1) for batch in (1, 512))
    assert 0 < one.p50 < many.p50
    assert one.p50 <= one.p95
    assert (many.batch, many.threads) == (512, 1)
    assert one.runtime.startswith("onnxruntime ")


def test_files_measured_together_get_the_same_number_of_runs(tmp_path: Path) -> None:
    paths = {name: product_file(tmp_path / f"{name}.onnx", 64) for name in ("teacher", "alone", "student")}
    found = latencies(paths, (64,), seconds=0.05)
    assert list(found) == ["teacher", "alone", "student"]
    assert {figure.runs for figure in found.values()} == {found["student"].runs}
    # Three copies of one file: measured in turns, none can look twice as fast as another.
    assert max(f.p50 for f in found.values()) < 2 * min(f.p50 for f in found.values())


def test_a_slow_network_still_gets_enough_runs_for_a_percentile(tmp_path: Path) -> None:
    found = latency(product_file(tmp_path / "product.onnx", 64), (64,), seconds=0)
    assert found.runs == 20


def test_peak_memory_never_falls_and_sees_what_was_allocated() -> None:
    before = peak_memory().process_bytes
    block = np.ones(40_000_000)
    assert peak_memory().process_bytes >= max(before, block.nbytes)
    del block
    assert peak_memory().process_bytes >= before
