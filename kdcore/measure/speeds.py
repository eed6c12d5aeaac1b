"""How fast delivered files answer at several batch sizes and thread counts, within a time that is set beforehand."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from kdcore.measure.documents import Speed
from kdcore.measure.latency import Latency, latencies

BATCHES = (1, 8, 32)
BUDGET = 2.0
"""Seconds for all sizes together, beside the opening of files."""
WARM_UP, LEAST_RUNS = 2, 5
PATIENCE = 3.0
"""How many times its share of the budget a size may need for its fewest runs; a slower one is left out."""


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def speeds(
    paths: Mapping[str, Path],
    input_shape: Sequence[int],
    *,
    batches: Sequence[int] = BATCHES,
    threads: Sequence[int] | None = None,
    seconds: float = BUDGET,
) -> dict[str, list[Speed]]:
    """Speeds of several ONNX files, all in turns at each size; sizes ascend.

    A size whose fewest runs would take far more than its share of ``seconds``, going by the size before it, is left
    out for all files: large networks have fewer rows.

    Args:
        input_shape: without the batch.
        batches: inputs at once.
        threads: one and all of this machine's cores when left out.
    """
    counts = sorted({1, cores()} if threads is None else set(threads))
    share = seconds / (len(counts) * len(batches))
    found: dict[str, list[Speed]] = {name: [] for name in paths}
    for count in counts:
        of_one = 0.0  # seconds that one input has taken in all files
        for batch in sorted(batches):
            if of_one * batch * (WARM_UP + LEAST_RUNS) > PATIENCE * share:
                break
            rows = latencies(
                paths,
                input_shape,
                batch=batch,
                threads=count,
                seconds=share / len(paths),
                warm_up=WARM_UP,
                least_runs=LEAST_RUNS,
            )
            of_one = sum(row.p50 for row in rows.values()) / batch / 1000
            for name, row in rows.items():
                found[name].append(_speed(row))
    return found


def _speed(row: Latency) -> Speed:
    """Throughput at the median: a noisy machine's outliers are in the 95th percentile."""
    return Speed(
        batch=row.batch,
        threads=row.threads,
        p50=row.p50,
        p95=row.p95,
        throughput=row.batch / row.p50 * 1000,
        runtime=row.runtime,
        runs=row.runs,
    )
