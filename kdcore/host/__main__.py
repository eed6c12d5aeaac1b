"""`python -m kdcore.host --records-fd N`: warm up, wait for one job, run it, and say how it ended."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import ValidationError

import kdcore
from kdcore import EngineError, Stopped
from kdcore.files import FULL
from kdcore.host.diary import Record, note
from kdcore.host.guard import Deadline, harden
from kdcore.host.wire import Job, Orders, Records, Stop
from kdcore.spec import Plan
from kdcore.spec.reevaluation import KIND

if TYPE_CHECKING:
    from kdcore.train.cache import Keep

# By the first step of an optimiser, and by the first built-in dataset: seconds that a waiting engine has to spare.
_IMPORTED_LATE = ("torch._dynamo", "sklearn.datasets")

DONE, CRASHED, FAILED, STOPPED = 0, 1, 70, 75


def main(arguments: list[str] | None = None) -> int:
    """Be one engine: the exit code is 0 (done), 70 (error record written) or 75 (stopped on request)."""
    options = _options(arguments)
    harden(options.parent)
    # Writes every thread's stack into the log: on a crash in native code, and when a stall is looked into.
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    records, stop = Records(options.records_fd), Stop()
    orders = Orders(sys.stdin.buffer, Deadline(), stop)
    _obey_signals(stop, orders)
    records.write({"type": "ready", **_warm()})
    job = orders.job()
    return STOPPED if job is None else run_job(job, records, stop)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m kdcore.host", description=__doc__)
    parser.add_argument("--records-fd", type=int, required=True, help="inherited pipe that records go to")
    parser.add_argument("--parent", type=int, help="process id of the supervisor: die when it dies")
    return parser.parse_args(arguments)


def _obey_signals(stop: Stop, orders: Orders) -> None:
    def asked(_signal: int, _frame: FrameType | None) -> None:
        stop.ask()
        orders.give_up()

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _warm() -> dict[str, Any]:
    """Import what every job needs, so that a job's first step comes milliseconds after its plan."""
    began = time.monotonic()
    import torch

    from kdcore import run  # noqa: F401

    for name in _IMPORTED_LATE:
        import_module(name)
    return {"torch": torch.__version__, "threads": torch.get_num_threads(), "seconds": time.monotonic() - began}


def run_job(job: Job, records: Records, stop: Stop) -> int:
    """Run one job to its end; whatever that is becomes a record, and a line of the log."""

    def report(record: Record) -> None:
        note(record)
        records.write(record)

    try:
        _do(job, report, stop)
    except Stopped as stopped:
        report({"type": "stopped", "reason": stopped.reason})
        return STOPPED
    except EngineError as error:
        report(_error(error.code, error.message, error.param))
        return FAILED
    except Exception as error:  # whatever it is, the supervisor needs a record of it
        _print_traceback()
        report(_unexpected(error))
        return FAILED
    return DONE


def _do(job: Job, report: Callable[[Record], None], stop: Stop) -> None:
    if job.plan.get("kind") == "inspection":
        from kdcore import inspect

        inspect.run(job.plan, job.workdir, report, stop=stop)
    elif job.plan.get("kind") == KIND:
        from kdcore import reevaluation

        reevaluation.run(job.plan, job.workdir, report, stop=stop)
    else:
        kdcore.run(_plan(job), job.workdir, report, stop=stop, keep=_keep(job))


def _keep(job: Job) -> Keep | None:
    from kdcore.train.cache import Keep

    return None if job.kept is None else Keep(job.kept, job.project)


def _plan(job: Job) -> Plan:
    try:
        return Plan.model_validate(job.plan)
    except ValidationError as error:
        _print_traceback()
        first = error.errors()[0]
        where = "/".join(map(str, first["loc"]))
        message = f"this engine cannot read the plan (/{where}: {first['msg']}): submit the job's spec again"
        raise EngineError("internal", message) from None


def _print_traceback() -> None:
    """Into the log, which a full disk may refuse: that must not hide what went wrong."""
    with contextlib.suppress(OSError):
        traceback.print_exc()


def _error(code: str, message: str, param: str | None = None) -> dict[str, Any]:
    return {"type": "error", "code": code, "message": message, "param": param}


def _unexpected(error: Exception) -> dict[str, Any]:
    causes = list(_causes(error))
    if any(map(_is_full, causes)):
        return _error("disk_full", "The disk of the work folder is full: free some space and retry the job.")
    if any(isinstance(cause, MemoryError) for cause in causes):
        return _error("out_of_memory", "The engine ran out of memory: use a smaller batch_size or a bigger machine.")
    return _error("internal", f"{type(error).__name__}: {error}")


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in FULL
    # Libraries written in Rust, such as safetensors, tell the system's error in their text only.
    return any(f"(os error {number})" in str(error) for number in FULL)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _process() -> NoReturn:
    code = CRASHED
    try:
        code = main()
    except BaseException:
        _print_traceback()
    # A library's exit hook, or a thread that reads stdin, must not hold a process whose job has ended.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _process()
