"""A text encoder is delivered like any network: int64 token ids in, and padding counts nowhere, in int8 either."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from sentences import LENGTH, PADDING, SPECIAL, VOCABULARY, ids, scores

from kdcore.export import Delivery, Judge, deliver
from kdcore.measure import accuracy, agreement, latency
from kdcore.models import build


@pytest.fixture(scope="module")
def delivery():
    torch.manual_seed(0)
    given = {name: SPECIAL[name] for name in ("padding", "separator")}
    options = {"vocabulary": VOCABULARY, "length": LENGTH, "hidden": 24, "heads": 3, "dropout": 0.0, **given}
    student = build("bert-2", 2, **options)
    rows = ids(800, seed=0)
    inputs, labels = torch.from_numpy(rows).long(), torch.from_numpy((scores(rows) > 0).astype(np.int64))
    optimiser = torch.optim.AdamW(student.parameters(), lr=3e-3)
    for _ in range(6):
        for batch in torch.randperm(600).split(50):
            optimiser.zero_grad()
            F.cross_entropy(student(inputs[batch]), labels[batch]).backward()
            optimiser.step()
    judged = Judge(lambda answers: accuracy(answers, labels[600:]), lambda own, others: agreement(others, own))
    return Delivery(
        student=student,
        description={"architecture": "bert-2", "num_classes": 2, "options": options},
        input_shape=(LENGTH,),
        inputs=inputs[600:],
        judge=judged,
        calibration=inputs[:200],
        kind="tokens",
    )


@pytest.mark.slow
def test_every_format_of_an_encoder_is_verified(delivery, tmp_path):
    found = {one.format: one for one in deliver(delivery, ["safetensors", "onnx", "onnx-int8"], tmp_path)}
    assert {one.reason for one in found.values()} == {None}
    assert found["onnx"].score > 0.85
    assert found["onnx-int8"].agreement > 0.98
    assert found["onnx-int8"].bytes < found["onnx"].bytes


def test_what_a_mask_fills_in_gets_no_range_in_int8(delivery, tmp_path):
    """On SST-2 such a range cost 4.6 points of accuracy: beside it the scores of attention are all one number."""
    deliver(delivery, ["onnx-int8"], tmp_path)
    nodes = onnx.load(str(tmp_path / "student.int8.onnx")).graph.node
    filled = {output for node in nodes if node.op_type == "Where" for output in node.output}
    assert filled
    assert not [node for node in nodes if node.op_type == "QuantizeLinear" and node.input[0] in filled]


def test_the_file_takes_token_ids_of_any_batch_and_ignores_padding(delivery, tmp_path: Path):
    deliver(delivery, ["onnx"], tmp_path)
    session = onnxruntime.InferenceSession(str(tmp_path / "student.onnx"), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape[1:]) == ("tokens", "tensor(int64)", [LENGTH])
    for count in (1, 5):
        rows = delivery.inputs[:count].numpy()
        (said,) = session.run(None, {"tokens": rows})
        with torch.no_grad():
            assert np.allclose(said, delivery.student.eval()(torch.from_numpy(rows)).numpy(), atol=1e-4)
    alone = np.full((1, LENGTH), PADDING)
    assert np.isfinite(session.run(None, {"tokens": alone})[0]).all()


def test_the_latency_of_a_file_of_tokens_is_measured(delivery, tmp_path):
    deliver(delivery, ["onnx"], tmp_path)
    found = latency(tmp_path / "student.onnx", (LENGTH,), seconds=0.05)
    assert 0 < found.p50 <= found.p95
