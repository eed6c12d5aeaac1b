"""The engine's environment: what it needs to compute, and none of the service's secrets or addresses."""

from __future__ import annotations

import os
from pathlib import Path

_INHERITED = (
    "PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR",
    "DISTILLERY_ALLOW_DOWNLOAD", "DISTILLERY_COMMIT",
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES",
)  # fmt: skip
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def engine_environment(cache: Path, data: Path | None, threads: int, card: str | None = None) -> dict[str, str]:
    """Variables of an engine.

    Args:
        cache: folder for what libraries keep between jobs.
        data: folder of the datasets.
        threads: CPU threads that it may use.
        card: the one GPU that it may see; all that the worker sees when left out.
    """
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= dict.fromkeys(_THREADS, str(threads))
    environment |= {"HOME": str(cache), "XDG_CACHE_HOME": str(cache), "MPLCONFIGDIR": str(cache / "matplotlib")}
    environment["TORCHINDUCTOR_CACHE_DIR"] = str(cache / "inductor")
    # Waiting threads that spin take the processor from the thread they wait for, as soon as the machine is busy.
    environment["OMP_WAIT_POLICY"] = os.environ.get("OMP_WAIT_POLICY", "PASSIVE")
    environment |= {"PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0"}
    # cuBLAS is only deterministic with a workspace of fixed size, and reads this once per process.
    environment |= {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    if data is not None:
        environment["DISTILLERY_DATA"] = str(data)
    if card is not None:
        environment["CUDA_VISIBLE_DEVICES"] = card
    return environment


def cards(found: int, slots: int) -> list[str | None]:
    """The GPU of each slot: one slot has them all, several share them in turn.

    Args:
        found: GPUs of the machine; CUDA_VISIBLE_DEVICES may name fewer.
        slots: slots of the worker.
    """
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    visible = [str(index) for index in range(found)] if named is None else [name for name in named.split(",") if name]
    if slots == 1 or not visible:
        return [None] * slots
    return [visible[slot % len(visible)] for slot in range(slots)]
