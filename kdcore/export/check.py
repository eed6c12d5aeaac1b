"""``python -m kdcore.export.check FORMAT FILE INPUTS.npy LOGITS.npy``: what a delivered file answers on its own.

Runs in a process that has never seen the trained student. For ONNX it does not even import torch; what is said to need
none of our code is run where none of it can be imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kdcore.export.errors import root_cause

BATCH = 256
Network = Callable[[np.ndarray], np.ndarray]


def main(arguments: list[str]) -> int:
    kind, file, inputs, outputs = arguments
    try:
        np.save(outputs, answers(OPENERS[kind](Path(file)), np.load(inputs)))
    except Exception as error:
        sys.stderr.write(root_cause(error) + "\n")
        return 1
    return 0


def answers(network: Network, data: np.ndarray) -> np.ndarray:
    """Logits [N, K] of inputs [N, ...]."""
    # A batch of one and batches of other sizes: a file whose batch size is frozen fails here.
    pieces = [data[:1], *(data[start : start + BATCH] for start in range(1, len(data), BATCH))]
    return np.concatenate([network(piece) for piece in pieces])


def _onnx(path: Path) -> Network:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def answer(data: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(None, {name: data})[0])

    return answer


def _safetensors(path: Path) -> Network:
    import torch

    from kdcore.export.weights import load_safetensors

    module = load_safetensors(path)

    def answer(data: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(module(torch.from_numpy(data)).numpy())

    return answer


def _loader(path: Path) -> Network:
    import runpy

    import torch

    _without_us()
    student = runpy.run_path(str(path))["load_student"]()

    def answer(data: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(student(torch.from_numpy(data)).numpy())

    return answer


def _torch_export(path: Path) -> Network:
    import torch

    _without_us()
    module = torch.export.load(path).module()

    def answer(data: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(module(torch.from_numpy(data)).numpy())

    return answer


def _huggingface(path: Path) -> Network:
    import torch
    from transformers import AutoModelForSequenceClassification

    _without_us()
    model = AutoModelForSequenceClassification.from_pretrained(path).eval()
    separator, padding = model.config.sep_token_id, model.config.pad_token_id
    segments = getattr(model.config, "type_vocab_size", 0) > 1 and separator is not None

    def answer(data: np.ndarray) -> np.ndarray:
        ids = torch.from_numpy(data)
        mask = (ids != padding).long()
        ends = (ids == separator).long() if segments else torch.zeros_like(ids)
        second = ((ends.cumsum(1) - ends) == 1).long() * mask
        with torch.no_grad():
            further = {"token_type_ids": second} if segments else {}
            return np.asarray(model(input_ids=ids, attention_mask=mask, **further).logits.numpy())

    return answer


def _without_us() -> None:
    """From here on nothing of our own can be imported."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "kdcore"]:
        sys.modules[name] = None  # type: ignore[assignment]  # how Python marks a module that must not be found


OPENERS: dict[str, Callable[[Path], Network]] = {
    "safetensors": _safetensors,
    "onnx": _onnx,
    "onnx-fp16": _onnx,
    "onnx-int8": _onnx,
    "torch-export": _torch_export,
    "huggingface": _huggingface,
    "loader": _loader,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
