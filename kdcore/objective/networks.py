"""Who speaks and who learns? Networks that are frozen, provably, and networks that learn."""

from __future__ import annotations

import hashlib

import torch
from torch import nn


def freeze(network: nn.Module) -> nn.Module:
    """Make a network a speaker only: evaluation mode for good, no gradient to any parameter.

    A frozen network never writes its BatchNorm statistics, because ``train()`` leaves it in evaluation mode.
    """
    network.requires_grad_(False)
    network.eval()
    network.train = _stay_in_eval.__get__(network)  # type: ignore[method-assign]
    return network


def _stay_in_eval(self: nn.Module, mode: bool = True) -> nn.Module:
    return nn.Module.train(self, False)


def fingerprint(network: nn.Module) -> str:
    """SHA-256 over names, types, shapes and bits of the state dict: equal only for bit-equal networks."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
