"""From a plan's decision to kept outputs, ready to be looked up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from kdcore.spec.caching import CachePlan
from kdcore.train.cache.entry import Stop
from kdcore.train.cache.key import Key
from kdcore.train.cache.layout import Layout
from kdcore.train.cache.speaking import speaking, spoken_by
from kdcore.train.cache.teacher import Pictures, Progress, TeacherCache
from kdcore.train.machine import Machine

BLOCKS = {"cpu": 64, "cuda": 512}
"""Pictures of one forward pass: on CPUs larger batches are slower, GPUs want to be filled."""


@dataclass(frozen=True)
class Keep:
    """Where kept outputs lie.

    Attributes:
        folder: shared by all jobs of a project on this machine, and by nobody else.
        project: whose they are.
    """

    folder: Path
    project: str = "local"


def kept(
    plan: CachePlan,
    network: nn.Module,
    key: Key,
    pictures: Pictures,
    machine: Machine,
    *,
    folder: Path,
    disk: int | None = None,
    progress: Progress = lambda done, of: None,
    stop: Stop = lambda: None,
    waiting: Callable[[], None] = lambda: None,
) -> TeacherCache:
    """The outputs that ``plan`` decided to keep, built as far as they were not there yet.

    Args:
        plan: with ``mode`` ``memory`` or ``file``.
        network: frozen, as it speaks in the job.
        folder: shared by all who may use the outputs.
        disk: bytes that the folder may take.
        progress, stop, waiting: as for ``TeacherCache.open`` and ``fill``.

    Raises:
        Stopped: on request; what is done is kept.
        EngineError: ``disk_full``, ``layer_not_found``, ``invalid_data``.
        ValueError: for a plan that keeps nothing.
    """
    if plan.mode not in {"memory", "file"}:
        raise ValueError(f"outputs of {plan.network!r} are not to be kept: {plan.reason}")
    with speaking(network, plan.points, machine) as speak:
        sample = pictures(torch.arange(2) % plan.samples, torch.zeros(2, dtype=torch.int64))
        layout = Layout.of(
            spoken_by(speak, sample),
            samples=plan.samples,
            views=plan.views,
            dtype=plan.dtype,
            top_k=plan.top_k,
            channels_last=machine.memory_format == "channels_last",
            block=BLOCKS[machine.device],
        )
        cache = TeacherCache.open(
            folder if plan.on_disk else None,
            key,
            layout,
            place="memory" if plan.mode == "memory" else "file",
            disk=disk,
            device=machine.device,
            stop=stop,
            waiting=waiting,
        )
        cache.fill(speak, pictures, progress=progress, stop=stop)
    return cache
