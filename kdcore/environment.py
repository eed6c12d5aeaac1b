"""Environment variables that must be set before torch is loaded."""

from __future__ import annotations

from collections.abc import MutableMapping


def calm(environment: MutableMapping[str, str]) -> None:
    """Let waiting OpenMP threads sleep and cuBLAS be deterministic, unless the user said otherwise.

    Threads that spin while they wait make a job on a busy machine many times slower: one spins for the other, which
    has no processor to run on.
    """
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
