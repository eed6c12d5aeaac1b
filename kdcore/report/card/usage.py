"""How the delivered files are used: code that runs as it stands, in the folder of the files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kdcore.report.card.markdown import code
from kdcore.report.reading import delivered
from kdcore.report.result import Result
from kdcore.spec.plan import Plan

GRAPHS = ("onnx", "onnx-int8", "onnx-fp16")
"""Formats that onnxruntime opens, the first one that is there is shown."""


def usage(result: Result, plan: Plan) -> list[str]:
    """A block for each way that passed its check: the loader, onnxruntime, transformers."""
    files = {export["format"]: export["name"] for export in delivered(result)}
    blocks = []
    if "loader" in files:
        blocks += ["With PyTorch and safetensors, and none of Distillery:", code([*_loader(plan)])]
    graph = next((files[format] for format in GRAPHS if format in files), None)
    if graph is not None:
        blocks += [f"With onnxruntime, in batches of any size (`{graph}`):", code([*_graph(graph, plan)])]
    if "huggingface" in files:
        blocks += [f"With transformers, from the folder `{files['huggingface']}`:", code(_transformers(files, plan))]
    return blocks


def _shape(plan: Plan) -> str:
    return ", ".join(map(str, (2, *plan.dataset.input_shape)))


def _loader(plan: Plan) -> Iterator[str]:
    yield "import json, torch"
    yield "from load_student import load_student"
    yield ""
    if plan.dataset.input.kind == "tokens":
        yield f"inputs = torch.ones({_shape(plan)}, dtype=torch.int64)  # token ids"
    else:
        yield 'by = json.load(open("config.json"))["normalise"]'
        yield f"mean, std = (torch.tensor(by[name]).view({_channels(plan)}) for name in ('mean', 'std'))"
        yield f"raw = torch.rand({_shape(plan)}) * by['scale']  # {_raw(plan)}"
        yield "inputs = (raw / by['scale'] - mean) / std"
    yield "with torch.no_grad():"
    yield "    outputs = load_student()(inputs)"


def _graph(file: str, plan: Plan) -> Iterator[str]:
    yield "import json, numpy as np, onnxruntime"
    yield ""
    yield f'session = onnxruntime.InferenceSession("{file}")'
    if plan.dataset.input.kind == "tokens":
        yield f"inputs = np.ones(({_shape(plan)}), dtype=np.int64)  # token ids"
    else:
        yield 'by = json.loads(session.get_modelmeta().custom_metadata_map["normalise"])'
        yield f"mean, std = (np.float32(by[name]).reshape({_channels(plan)}) for name in ('mean', 'std'))"
        yield f"raw = np.random.rand({_shape(plan)}).astype(np.float32) * by['scale']  # {_raw(plan)}"
        yield "inputs = (raw / by['scale'] - mean) / std"
    yield "(outputs,) = session.run(None, {session.get_inputs()[0].name: inputs})"


def _transformers(files: dict[str, str], plan: Plan) -> Sequence[str]:
    return [
        "import torch",
        "from transformers import AutoModelForSequenceClassification",
        "",
        f'model = AutoModelForSequenceClassification.from_pretrained("{files["huggingface"]}")',
        f"inputs = torch.ones({_shape(plan)}, dtype=torch.int64)  # token ids, as the folder's tokenizer cuts them",
        "with torch.no_grad():",
        "    outputs = model(input_ids=inputs).logits",
    ]


def _channels(plan: Plan) -> str:
    """The shape in which figures by channel stand against a batch."""
    return ", ".join(["-1"] + ["1"] * (len(plan.dataset.input_shape) - 1))


def _raw(plan: Plan) -> str:
    kind = plan.dataset.input.kind
    return {"image": "[batch, channels, height, width], 0 to 255", "series": "[batch, channels, steps]"}.get(
        kind, "[batch, columns]"
    )
