"""The settings that only a worker has, beside those it shares with the API."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import Field

from store.settings import Seconds, Settings


class WorkerSettings(Settings):
    """How a worker runs its engines.

    Attributes:
        engine_threads: CPU threads of each engine; by default the processors are shared between the slots.
        relay_seconds: records are written to SQL in batches, so often.
        stall_seconds: an engine that is silent for so long is reported (not killed).
        warm_seconds: an engine that is not warm after so long is given up.
        standby_seconds: the next engine is warmed up so long after a job began, so as not to slow its start.
        memory_gb: memory that one slot can give to a job; by default the machine's, or its GPUs' for the class gpu,
            shared between the slots.
        kept_bytes: outputs of teachers that are kept between jobs, of all projects together.
        log_bytes: an engine's log is turned over when it has grown by so much; the last two parts are kept.
        pause_grace_seconds: a paused or draining engine gets so long for its checkpoint, at least `grace_seconds`.
    """

    engine_threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    relay_seconds: Seconds = 0.5
    stall_seconds: Seconds = 600
    warm_seconds: Seconds = 180
    memory_gb: Annotated[float, Field(gt=0)] | None = None
    kept_bytes: Annotated[int, Field(ge=0)] = 50 * 1000**3
    log_bytes: Annotated[int, Field(ge=4096)] = 32 * 1024**2
    standby_seconds: Annotated[float, Field(ge=0)] = 5
    pause_grace_seconds: Seconds = 20

    @property
    def threads(self) -> int:
        """CPU threads of one engine."""
        return self.engine_threads or max(1, len(os.sched_getaffinity(0)) // self.slots)

    def grace(self, reason: str) -> float:
        """How long an engine that was asked to stop may take: a cancelled one has nothing left to save."""
        return self.grace_seconds if reason == "cancel" else max(self.grace_seconds, self.pause_grace_seconds)
