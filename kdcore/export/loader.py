"""``load_student.py``: a loader of a few lines and the network's operators, for PyTorch and safetensors alone.

The operators are those of torch.export's program, one a line, so that the weights of ``student.safetensors`` can be run
by someone who has none of our code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind as Slot
from torch.export.graph_signature import InputSpec

from kdcore.export.errors import ExportError

CONFIG = "config.json"
LOADER = "load_student.py"
CONSTANTS = "student.constants.safetensors"
WEIGHTS = "student.safetensors"

_HEAD = '''\
"""The distilled student without Distillery: needs torch and safetensors, and the files that lie beside this one.

    from load_student import load_student
    student = load_student()          # or load_student("cuda")
    outputs = student(inputs)         # {shape}, normalised as config.json says

It answers as in evaluation; to train it further, build the architecture that config.json names.
"""

from functools import partial
from math import inf, nan
from pathlib import Path

import torch
from safetensors.torch import load_file
{further}

def load_student(device="cpu"):
    """The student, ready to be called, on ``device``."""
    folder, weights = Path(__file__).parent, {{}}
    for name in {files}:
        weights |= load_file(folder / name, device=str(device))
    return partial(forward, weights)


def forward(weights, {given}):
    """The network's operators in their order, as torch.export wrote them down."""
'''


def export_loader(program: ExportedProgram, folder: Path, description: Mapping[str, Any]) -> Path:
    """Write ``config.json`` and the loader into ``folder``, and what the weights file lacks beside them.

    Raises:
        ExportError: the program has parts that are no plain operators.
    """
    constants = {str(spec.target): tensor for spec, tensor in _constants(program)}
    if constants:
        _save(constants, folder / CONSTANTS)
    files = (WEIGHTS, CONSTANTS) if constants else (WEIGHTS,)
    config = {**description, "files": list(files), "loader": LOADER}
    (folder / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    path = folder / LOADER
    path.write_text(source(program, files, description), encoding="utf-8")
    return path


def source(program: ExportedProgram, files: tuple[str, ...], description: Mapping[str, Any]) -> str:
    """The loader's text."""
    specs = program.graph_signature.input_specs
    (given,) = [spec.arg.name for spec in specs if spec.kind == Slot.USER_INPUT]
    text = program.graph.python_code("self").src
    if "self." in text:
        raise ExportError("the network has parts that cannot be written as plain operators")
    body = text.split(":\n", 1)[1] if "):\n" not in text else text.split("):\n", 1)[1]
    used = [spec for spec in specs if spec.target is not None and re.search(rf"\b{spec.arg.name}\b", body)]
    lines = [f'    {spec.arg.name} = weights["{spec.target}"]' for spec in used]
    body, placed = re.subn(r"device\(type='\w+'(, index=\d+)?\)", "_device", body)
    if placed:  # asked for at once: a later line lets go of the inputs
        lines.insert(0, f"    _device = {given}.device")
    body = re.sub(r"return \((\w+),\)\s*$", r"return \1\n", body)
    shape = ["batch", *map(str, description.get("input_shape", ()))]
    further = "import torchvision  # noqa: F401  (its operators)\n" if "torch.ops.torchvision." in body else ""
    head = _HEAD.format(shape=f"[{', '.join(shape)}]", further=further, files=files, given=given)
    return head + "\n".join(lines) + "\n" + body


def _constants(program: ExportedProgram) -> list[tuple[InputSpec, Tensor]]:
    """What the operators read beside the named weights: buffers that no file keeps, and tensors made in passing."""
    found = []
    for spec in program.graph_signature.input_specs:
        lifted = spec.kind == Slot.CONSTANT_TENSOR or (spec.kind == Slot.BUFFER and not spec.persistent)
        if lifted and spec.target is not None:
            found.append((spec, program.constants[spec.target]))
    return found


def _save(tensors: Mapping[str, Tensor], path: Path) -> None:
    from safetensors.torch import save_file

    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, path)
