"""A process's place among the others, and how they find each other."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed import Store  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous

from kdcore.distributed.group import Group, Ranks, Solo
from kdcore.errors import EngineError

AT = "/resources/processes"
MEETING = "KDCORE_MEETING"
"""Names the address at which the processes meet; torchrun's own variables say it where this one is missing."""

LONGEST_WAIT = timedelta(minutes=30)
"""For one message: the first process may measure, or write a checkpoint, while the others wait."""


@dataclass(frozen=True)
class Place:
    """Which one of how many a process is.

    Attributes:
        rank, size: number of the process, and how many there are.
        on_machine: its number among those of this machine, which is that of its GPU.
        meeting: ``file:///path`` of a file that does not exist yet, ``tcp://127.0.0.1:port`` or ``env://``.
    """

    rank: int
    size: int
    on_machine: int
    meeting: str = "env://"

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Place:
        """As ``launch`` or torchrun has set it; a process on its own when neither has."""
        rank, size = int(environment.get("RANK", 0)), int(environment.get("WORLD_SIZE", 1))
        on_machine = int(environment.get("LOCAL_RANK", rank))
        return cls(rank, size, on_machine, environment.get(MEETING, "env://"))


def open_group(processes: int, device: str, place: Place | None = None, *, patience: float = 120) -> Group:
    """This process's view of the ``processes`` of its job; waits until all of them are there.

    Messages go through gloo on CPUs and through NCCL on GPUs, one GPU for each process.

    Args:
        place: as the environment says when left out.
        patience: seconds to wait for the others.

    Raises:
        EngineError: ``invalid_data`` when another number of processes was started, ``device_missing`` for fewer GPUs
            than processes, ``process_lost`` when not all came.
    """
    place = Place.of() if place is None else place
    if place.size != processes:
        message = (
            f"{processes} processes were asked for and {place.size} started: start as many, "
            f"or set resources.processes to {place.size}"
        )
        raise EngineError("invalid_data", message, AT)
    if processes == 1:
        return Solo(device)
    if device == "cuda":
        enough_devices(processes, device)
        torch.cuda.set_device(place.on_machine)
    store = _met(place, patience)
    backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=place.rank, world_size=place.size, timeout=LONGEST_WAIT)
    return Ranks(place.rank, place.size, device)


def enough_devices(processes: int, device: str) -> None:
    """One GPU for each process, where they run on GPUs.

    Raises:
        EngineError: ``device_missing``.
    """
    if device != "cuda":
        return
    found = torch.cuda.device_count()
    if found < processes:
        message = (
            f"{processes} processes need as many GPUs and this machine has {found}: take at most {found}, or a CPU"
        )
        raise EngineError("device_missing", message, AT)


def _met(place: Place, patience: float) -> Store:
    """The store in which every process has left its sign."""
    wait = timedelta(seconds=patience)
    store: Store | None = None
    try:
        store, _, _ = next(rendezvous(place.meeting, place.rank, place.size, timeout=wait))
        store.set(_sign(place.rank), "here")
        store.wait([_sign(rank) for rank in range(place.size)], wait)
    except (RuntimeError, ValueError) as error:  # torch's own errors are among the former
        raise _missing(place, store, patience) from error
    return store


def _missing(place: Place, store: Store | None, patience: float) -> EngineError:
    absent = [] if store is None else [rank for rank in range(place.size) if not store.check([_sign(rank)])]
    who = f"; missing: {', '.join(map(str, absent))}" if absent else ""
    message = f"not all of the {place.size} processes came within {patience:g} s{who}: look into their logs"
    return EngineError("process_lost", message, AT)


def _sign(rank: int) -> str:
    return f"kdcore/here/{rank}"
