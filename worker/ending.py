"""What an engine's end means for its job: the error that users see, and whether another attempt makes sense."""

from __future__ import annotations

import errno
import signal
from typing import Any

from store.errors import FileDamaged, FileMissing, FilesError, FilesFull, Invalid
from worker.engine import STOPPED, Exit

Error = dict[str, Any]

# What the system says when a file may not grow: disk, quota, or limit of the process.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_CRASHES = {
    "out_of_memory": "The kernel ended the engine because memory ran out: use a smaller batch_size or network, "
    "or a worker with more memory.",
    "lease_over": "The engine ended itself because its worker could not renew the lease in time: "
    "look at the load of the worker's machine and of the database.",
    "engine_killed": "The engine was ended from outside ({exit}): see the log, and ask who operates the worker.",
    "engine_crashed": "The engine ended without saying why ({exit}): the last lines of its log may tell.",
}


def error_of_crash(exit_: Exit, *, out_of_memory: bool) -> Error:
    """The error of an engine that ended with neither a result nor an error of its own."""
    code = _crash(exit_, out_of_memory)
    return _error(code, _CRASHES[code].format(exit=exit_))


def _crash(exit_: Exit, out_of_memory: bool) -> str:
    if exit_.lease_over:
        return "lease_over"
    if exit_.signal == signal.SIGKILL:
        return "out_of_memory" if out_of_memory else "engine_killed"
    # Nobody here asked it to stop: the request came from outside.
    return "engine_killed" if exit_.code == STOPPED else "engine_crashed"


def error_of_files(error: Exception) -> Error | None:
    """The error of a job whose files could not be moved, or None when the exception is no matter of files."""
    if isinstance(error, FileDamaged | FileMissing):
        message = f"{error.message} The job goes on from the checkpoint before, if there is one."
        return _error("checkpoint_damaged", message)
    if isinstance(error, FilesFull) or _is_full(error.__cause__):
        return _error("disk_full", "There is no room left where artifacts are kept: make some; the job is tried again.")
    if isinstance(error, FilesError):
        return _error("files_unavailable", f"{error.message} The job is tried again.")
    if _is_full(error):
        return _error("disk_full", "The disk of the worker's work folder is full: make room; the job is tried again.")
    return None


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in _FULL


def input_lost(error: Exception) -> Error:
    """The error of a job whose files are gone where they were kept."""
    return _error("input_lost", f"{error}: bring it again, and submit a new job.")


def no_import(error: Invalid) -> Error:
    """The error of an inspection that finds nothing where it was sent, or too much."""
    pointer, _, detail = error.message.partition(": ")
    return _error("invalid_data", detail) | {"param": pointer}


def out_of_time(seconds: float) -> Error:
    """The error of a job whose engines have worked for as long as they may."""
    told = f"The job's engines have worked for {seconds / 3600:.2g} h, which is all that they may"
    remedy = "Retry it with more: a clone with other resources.hours, or this one from its last checkpoint."
    return _error("time_limit", f"{told}. {remedy}")


def internal(error: BaseException) -> Error:
    """The error of a job at which the worker itself failed."""
    return _error("internal", f"{type(error).__name__}: {error}")


def _error(code: str, message: str) -> Error:
    return {"code": code, "message": message, "param": None}
