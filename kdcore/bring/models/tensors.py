"""Tensors out of a stranger's file: nothing in it is run, and no more memory is taken than its size warrants."""

from __future__ import annotations

import pickle
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

from kdcore.bring.caps import Caps
from kdcore.bring.models.files import memory_at_most, refused

SAFE, TORCH = ".safetensors", (".pt", ".pth", ".th", ".bin", ".ckpt")
HEADER_BYTES = 2**25
SPARE_BYTES = 2**29
"""What reading a file may take beside three times its size."""
SECTIONS = (
    "state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "weights", "params",
    "student", "teacher", "ema", "model_ema", "ema_state_dict", "state_dict_ema",
)  # fmt: skip
"""Where checkpoints keep weights, the likeliest first."""
DEPTH = 4


def read_tensors(path: Path, caps: Caps, section: str | None = None) -> tuple[dict[str, Tensor], list[str]]:
    """The named tensors of a file on the CPU, in its order, and the sections that they were found in.

    Args:
        section: dotted names of the section to take, where the user says.

    Raises:
        EngineError: ``invalid_data``: a damaged file, one that holds more than tensors, or one whose sizes lie.
    """
    if path.suffix.lower() == SAFE:
        return _checked(path, _safetensors(path, caps), caps), []
    content = _pickled(path, caps)
    state, taken = _section(path, content, section)
    return _checked(path, state, caps), taken


def _safetensors(path: Path, caps: Caps) -> dict[str, Tensor]:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
    header = struct.unpack("<Q", start)[0] if len(start) == 8 else -1
    if not 2 <= header <= size - 8:
        raise refused(path.name, "is no whole safetensors file: its first bytes say nothing possible; fetch it again")
    if header > HEADER_BYTES:
        raise refused(path.name, f"has a header of {header} bytes, and {HEADER_BYTES} are allowed")
    try:
        with memory_at_most(3 * size + SPARE_BYTES):
            return load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError, RuntimeError, MemoryError, KeyError) as error:
        raise refused(path.name, f"is no whole safetensors file ({_first(error)}); fetch it again") from None


def _pickled(path: Path, caps: Caps) -> Any:
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        _check_archive(path, size, caps)
    try:
        with memory_at_most(3 * size + SPARE_BYTES), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is the file that is odd, and what is refused is said
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        message = "holds more than tensors and is not opened; save the state dict as safetensors"
        raise refused(path.name, message) from None
    except Exception as error:  # the reader raises whatever a forged pickle makes it stumble over
        raise refused(path.name, f"is no whole file of PyTorch tensors ({_first(error)}); fetch it again") from None


def _check_archive(path: Path, size: int, caps: Caps) -> None:
    """PyTorch stores members as they are: what is packed, overlaps, or is a program is none of its files."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise refused(path.name, f"is no whole file of PyTorch tensors ({_first(error)}); fetch it again") from None
    if len(members) > caps.tensors + 16:
        raise refused(path.name, f"has {len(members)} members, and {caps.tensors} tensors are allowed")
    if any("/code/" in member.filename or member.filename.endswith("constants.pkl") for member in members):
        raise refused(path.name, "is a TorchScript program, not weights; save the state dict as safetensors")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise refused(path.name, f"member {member.filename!r} is packed, as PyTorch never does: not opened")
    if sum(member.file_size for member in members) > size:
        raise refused(path.name, "its members claim more bytes than it has: not opened")


def _section(path: Path, content: Any, asked: str | None) -> tuple[Mapping[Any, Any], list[str]]:
    taken: list[str] = []
    for part in asked.split(".") if asked else ():
        if not isinstance(content, Mapping) or part not in content:
            held = ", ".join(map(str, content)) if isinstance(content, Mapping) and len(content) < 20 else "none"
            raise refused(path.name, f"has no section {asked!r}; sections: {held}")
        content, taken = content[part], [*taken, part]
    while isinstance(content, Mapping) and len(taken) < DEPTH and not _tensors(content):
        inner = next((name for name in SECTIONS if isinstance(content.get(name), Mapping)), None)
        if inner is None:
            break
        content, taken = content[inner], [*taken, inner]
    if not isinstance(content, Mapping) or not _tensors(content):
        raise refused(path.name, "holds no state dict; save model.state_dict() as safetensors, or name its 'section'")
    return content, taken


def _tensors(content: Mapping[Any, Any]) -> bool:
    return any(isinstance(value, Tensor) for value in content.values())


def _checked(path: Path, content: Mapping[Any, Any], caps: Caps) -> dict[str, Tensor]:
    """Plain tensors only, that own the numbers they show."""
    state = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if not state:
        raise refused(path.name, "holds no tensors")
    if len(state) > caps.tensors:
        raise refused(path.name, f"has {len(state)} tensors, and {caps.tensors} are allowed")
    for name, fault in _faults(state):
        raise refused(f"{path.name}, tensor {name[:200]!r}", fault)
    return {name: value.detach() for name, value in state.items()}


def _faults(state: Mapping[str, Tensor]) -> Iterator[tuple[str, str]]:
    for name, value in state.items():
        if len(name) > 1000 or not name.isprintable():
            yield name, "has no usable name"
        elif value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized or value.is_complex():
            yield name, "is no plain tensor of numbers (sparse, quantised, complex or without numbers)"
        elif value.numel() * value.element_size() > value.untyped_storage().nbytes():
            yield name, f"claims {tuple(value.shape)} numbers and holds fewer"
        elif value.is_floating_point() and not bool(value.float().isfinite().all()):
            yield name, "holds NaN or infinite numbers: these weights were damaged or their training diverged"


def _first(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
