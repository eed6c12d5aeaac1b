"""The processes of one job, started together and ended together."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kdcore.distributed.places import AT, MEETING
from kdcore.distributed.started import PARENT
from kdcore.errors import EngineError

GRACE = 3.0
"""Seconds that the others get to end by themselves, and to say why, once one has ended badly."""

KILLED = frozenset({-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGBUS})
"""Ends that no neighbour's loss brings about."""

_TICK = 0.05

Rank = subprocess.Popen[bytes]
Stop = Callable[[], str | None]
Hear = Callable[[int, str], None]
Lines = queue.SimpleQueue[tuple[int, bytes | None]]
"""What the processes write, line by line, each with the rank; None for the end of one."""


def launch(
    command: Sequence[str],
    processes: int,
    *,
    hear: Hear | None = None,
    stop: Stop = lambda: None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run ``command`` in so many processes, and return when all have ended well.

    Each is in a session of its own, knows its `Place` from its environment, and is killed when this function ends in
    whatever way. They are started by the calling thread, and die with it where they call `begin`.

    Args:
        hear: takes the lines that the processes write to their standard outputs, each with the rank. Where it is
            missing, the first one writes to this process's output and the others to its standard error.
        stop: asked many times a second; its reason is handed to the first process, once.
        environment: of the processes, beside what is set here; this process's own when left out.

    Raises:
        EngineError: ``process_lost``, naming the process that was lost and how.
    """
    with tempfile.TemporaryDirectory(prefix="kdcore-") as folder:
        base = {**(os.environ if environment is None else environment), **_meeting(Path(folder), processes)}
        with _started(command, processes, base, hear is not None) as ranks:
            _accompany(ranks, hear or (lambda rank, line: None), stop)


def _meeting(folder: Path, processes: int) -> dict[str, str]:
    """What all processes are told: where to meet is a file, because a free port may be taken before it is used."""
    told = {MEETING: f"file://{folder / 'meeting'}", "WORLD_SIZE": str(processes), PARENT: str(os.getpid())}
    return {**told, "GLOO_SOCKET_IFNAME": os.environ.get("GLOO_SOCKET_IFNAME", "lo")}


@contextmanager
def _started(command: Sequence[str], processes: int, base: Mapping[str, str], heard: bool) -> Iterator[list[Rank]]:
    ranks: list[Rank] = []
    try:
        for rank in range(processes):
            out = subprocess.PIPE if heard else None if rank == 0 else 2
            ranks.append(
                subprocess.Popen(  # noqa: S603 - the engine's own command
                    list(command),
                    env={**base, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                    stdin=subprocess.PIPE,
                    stdout=out,
                    start_new_session=True,
                )
            )
        yield ranks
    finally:
        for process in ranks:
            _end(process)


def _end(process: Rank) -> None:
    """Kill a process with all that it started, and give its pipes back."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _accompany(ranks: Sequence[Rank], hear: Hear, stop: Stop) -> None:
    """Pass words on until all have ended.

    Raises:
        EngineError: when one ended badly.
    """
    lines, open_ends = _lines(ranks)
    asked, lost, deadline = False, list[int](), float("inf")
    while any(process.poll() is None for process in ranks) and time.monotonic() < deadline:
        open_ends -= _pass_on(lines, hear, _TICK)
        asked = asked or _ask(ranks[0], stop())
        lost += [rank for rank, process in enumerate(ranks) if process.poll() and rank not in lost]
        if lost:
            deadline = min(deadline, time.monotonic() + GRACE)
    ended = [process.poll() for process in ranks]
    until = time.monotonic() + GRACE
    while open_ends and time.monotonic() < until and None not in ended:
        open_ends -= _pass_on(lines, hear, _TICK)
    lost += [rank for rank, code in enumerate(ended) if code and rank not in lost]
    if lost:
        # Who loses a neighbour fails, too: one that was killed is the cause, else the first to go.
        cause = next((rank for rank in lost if ended[rank] in KILLED), lost[0])
        raise EngineError("process_lost", _loss(cause, ended[cause] or 0, len(ranks)), AT)


def _loss(rank: int, code: int, of: int) -> str:
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    why = "; the machine may be out of memory" if code == -signal.SIGKILL else ""
    return f"rank {rank} of {of} processes {how}{why}: all were ended, and the job goes on from its last checkpoint"


def _ask(first: Rank, reason: str | None) -> bool:
    """Hand the reason of a stop to the first process; whether there was one."""
    if reason is None or first.stdin is None:
        return False
    with contextlib.suppress(OSError):
        first.stdin.write(reason.encode() + b"\n")
        first.stdin.flush()
    return True


def _lines(ranks: Sequence[Rank]) -> tuple[Lines, int]:
    """Where the processes' lines arrive, and from how many."""
    found: Lines = queue.SimpleQueue()
    streams = [(rank, process.stdout) for rank, process in enumerate(ranks) if process.stdout is not None]
    for rank, stream in streams:
        threading.Thread(target=_read, args=(rank, stream, found), name=f"rank {rank}", daemon=True).start()
    return found, len(streams)


def _read(rank: int, stream: IO[bytes], found: Lines) -> None:
    with contextlib.suppress(ValueError, OSError):  # closed when the process was killed
        for line in stream:
            found.put((rank, line))
    found.put((rank, None))


def _pass_on(lines: Lines, hear: Hear, wait: float) -> int:
    """Hand on the lines that are there, after a moment's wait for the first; how many ends were among them."""
    ends = 0
    with contextlib.suppress(queue.Empty):
        rank, line = lines.get(timeout=wait)
        while True:
            if line is None:
                ends += 1
            else:
                hear(rank, line.decode(errors="replace").rstrip("\n"))
            rank, line = lines.get_nowait()
    return ends
