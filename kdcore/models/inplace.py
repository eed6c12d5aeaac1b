"""In-place activations, which would overwrite what a hook captured before them."""

from __future__ import annotations

from torch import nn


def without_inplace(module: nn.Module) -> nn.Module:
    """Switch every in-place activation of ``module`` off and give the same module back; its outputs stay the same.

    Functional operations such as ``out += identity`` have no switch: whoever captures must watch for those.
    """
    for child in module.modules():
        if getattr(child, "inplace", False) is True:
            child.inplace = False  # type: ignore[assignment]
    return module
