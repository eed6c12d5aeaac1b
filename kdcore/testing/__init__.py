"""Our pieces under the names and options of other implementations, to be compared with them on fixed inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from kdcore.testing.features import FEATURES
from kdcore.testing.learned import LEARNED
from kdcore.testing.logits import LOGITS
from kdcore.testing.row import Golden, Inputs, PeerLoss
from kdcore.testing.tokens import TOKENS

__all__ = ["GOLDENS", "Golden", "golden"]

GOLDENS: dict[str, Golden] = {**LOGITS, **FEATURES, **TOKENS, **LEARNED}
"""Every peer's loss that has a piece of ours."""


def golden(
    method: str, params: Mapping[str, Any], state: Mapping[str, Any] | None = None
) -> Callable[[Inputs], Tensor]:
    """Our piece for a peer's loss.

    Args:
        method: the peer's name of the loss.
        params: the peer's parameters.
        state: the peer's weights by their names, for losses that have some.

    Returns:
        a callable on inputs ``s`` (student) and ``t`` (teacher), or lists of them as ``s0 s1 ...``, ``y`` (labels)
        and ``mask``.

    Raises:
        LookupError: no piece of ours goes by this name, with the names that do, or one without weights to load.
    """
    if method not in GOLDENS:
        raise LookupError(f"no piece for {method!r}; known: {', '.join(GOLDENS)}")
    row = GOLDENS[method]
    if state and not row.state:
        raise LookupError(f"{method!r} is a loss without weights (got {', '.join(state)})")
    return PeerLoss(row, params, state or {})
