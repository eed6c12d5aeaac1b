"""Weights to and from files: safetensors, or PyTorch files read without running anything that they hold."""

from __future__ import annotations

import difflib
import pickle
from collections.abc import Mapping
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

TORCH_FILES = (".pt", ".pth", ".th")
SHOWN = 5
"""Misfits that an error spells out."""


class WeightsError(ValueError):
    """A weights file that cannot be read or does not fit the network."""


def save(module: nn.Module, path: Path | str) -> None:
    """Write the state dict of ``module`` as safetensors; tensors that share memory are written in full."""
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in module.state_dict().items()}
    save_file(state, path, metadata={"format": "pt"})


def load(module: nn.Module, path: Path | str) -> None:
    """Read ``path`` into ``module``, every name and shape equal; the module is unchanged when they are not.

    Raises:
        FileNotFoundError: no such file.
        WeightsError: unreadable file, an unsafe pickle, or names and shapes that do not fit.
    """
    state = read(path)
    wanted = module.state_dict()
    wrong = [name for name in {**wanted, **state} if not _fits(name, wanted, state)]
    if wrong:
        shown = "; ".join(_sentence(name, wanted, state) for name in wrong[:SHOWN])
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise WeightsError(f"{path} does not fit {type(module).__name__}: {shown}{more}")
    module.load_state_dict(state)


def read(path: Path | str) -> dict[str, Tensor]:
    """The named tensors of a ``.safetensors``, ``.pt``, ``.pth`` or ``.th`` file, on the CPU.

    A checkpoint with its weights under ``state_dict`` and names that start with ``module.`` is understood.

    Raises:
        FileNotFoundError: no such file.
        WeightsError: another kind of file, a damaged file, or one that holds more than tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights file {path}")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if path.suffix in TORCH_FILES:
        return _read_torch(path)
    raise WeightsError(f"{path}: weights are .safetensors, or {', '.join(TORCH_FILES)} files of tensors alone")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is no whole safetensors file ({error}); fetch it again") from error


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds more than tensors and is not opened; save the state dict as safetensors"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise WeightsError(f"{path} is no whole PyTorch file ({error}); fetch it again") from error
    state = content.get("state_dict", content) if isinstance(content, Mapping) else content
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} holds no state dict; save model.state_dict() as safetensors")
    return {str(name).removeprefix("module."): tensor for name, tensor in state.items()}


def _fits(name: str, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> bool:
    return name in wanted and name in found and wanted[name].shape == found[name].shape


def _sentence(name: str, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """What is wrong with ``name``, with the nearest name on the other side."""
    if name in wanted and name in found:
        return f"{name!r} has shape {list(found[name].shape)}, wanted {list(wanted[name].shape)}"
    here, there, said = (wanted, found, "missing") if name in wanted else (found, wanted, "unknown")
    close = difflib.get_close_matches(name, [other for other in there if other not in here], n=1)
    return f"{name!r} is {said}" + (f" (nearest: {close[0]!r})" if close else "")
