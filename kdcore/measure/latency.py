"""How long one batch takes on the CPU, measured on the delivered ONNX files themselves."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LEAST_RUNS = 20


@dataclass(frozen=True)
class Latency:
    """Milliseconds for one batch: the median and the 95th percentile of ``runs`` timed runs."""

    p50: float
    p95: float
    batch: int
    threads: int
    runtime: str
    runs: int


def latency(
    path: Path, input_shape: Sequence[int], *, batch: int = 1, threads: int = 1, seconds: float = 1.0
) -> Latency:
    """Latency of one ONNX file for inputs of ``input_shape`` (no batch axis)."""
    return latencies({"": path}, input_shape, batch=batch, threads=threads, seconds=seconds)[""]


def latencies(
    paths: Mapping[str, Path],
    input_shape: Sequence[int],
    *,
    batch: int = 1,
    threads: int = 1,
    seconds: float = 1.0,
    warm_up: int = 10,
    least_runs: int = LEAST_RUNS,
    most_runs: int = 1000,
    seed: int = 0,
) -> dict[str, Latency]:
    """Latency of several ONNX files, run in turns so that a noisy machine is as unkind to each of them.

    Each round runs every file once in a new random order; there are at least ``least_runs`` rounds, and no new one
    starts once ``seconds`` per file have passed.
    """
    generator = np.random.default_rng(seed)
    sessions = {name: _session(path, threads) for name, path in paths.items()}
    data = _data(next(iter(sessions.values())), (batch, *input_shape), generator)
    for session in sessions.values():
        for _ in range(warm_up):
            _run(session, data)
    times: dict[str, list[float]] = {name: [] for name in paths}
    end = time.perf_counter() + seconds * len(paths)
    for done in range(most_runs):
        if done >= least_runs and time.perf_counter() > end:
            break
        for name in generator.permutation(list(paths)):
            times[name].append(_run(sessions[name], data))
    return {name: _summary(values, batch, threads) for name, values in times.items()}


def _session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads of one file's session must not burn the cores that the next file is timed on.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _data(session: Any, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Random numbers; token ids where the files take whole numbers."""
    if "int64" in session.get_inputs()[0].type:
        return np.ones(shape, dtype=np.int64)
    return generator.standard_normal(shape, dtype=np.float32)


def _run(session: Any, data: np.ndarray) -> float:
    name = session.get_inputs()[0].name
    start = time.perf_counter()
    session.run(None, {name: data})
    return (time.perf_counter() - start) * 1000


def _summary(milliseconds: list[float], batch: int, threads: int) -> Latency:
    import onnxruntime

    p50, p95 = np.percentile(milliseconds, [50, 95])
    return Latency(
        p50=float(p50),
        p95=float(p95),
        batch=batch,
        threads=threads,
        runtime=f"onnxruntime {onnxruntime.__version__} (CPU)",
        runs=len(milliseconds),
    )
