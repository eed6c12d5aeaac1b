"""What an engine's end means for its job."""

from __future__ import annotations

import errno
import signal

import pytest

from store.endings import worth_retrying
from store.errors import FileDamaged, FileMissing, FilesError, FilesFull
from worker.ending import error_of_crash, error_of_files
from worker.engine import LEASE_OVER, STOPPED, Exit


@pytest.mark.parametrize(
    ("exit_", "out_of_memory", "code"),
    [
        (Exit(None, signal.SIGKILL), False, "engine_killed"),
        (Exit(None, signal.SIGKILL), True, "out_of_memory"),
        (Exit(None, signal.SIGSEGV), True, "engine_crashed"),
        (Exit(LEASE_OVER), False, "lease_over"),
        (Exit(None, signal.SIGALRM), False, "lease_over"),
        (Exit(STOPPED), False, "engine_killed"),
        (Exit(1), False, "engine_crashed"),
        (Exit(0), False, "engine_crashed"),
    ],
)
def test_an_end_without_a_word_is_told_by_signal_and_exit_code(exit_: Exit, out_of_memory: bool, code: str) -> None:
    assert error_of_crash(exit_, out_of_memory=out_of_memory)["code"] == code


def test_the_message_of_a_crash_names_the_signal() -> None:
    assert "SIGSEGV" in error_of_crash(Exit(None, signal.SIGSEGV), out_of_memory=False)["message"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FilesFull("disk_full", "No room."), "disk_full"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EDQUOT, "Quota exceeded"), "disk_full"),
        (FileDamaged("file_damaged", "Wrong bytes."), "checkpoint_damaged"),
        (FileMissing("file_missing", "No file."), "checkpoint_damaged"),
        (FilesError("files_failed", "The bucket is away."), "files_unavailable"),
    ],
)
def test_trouble_with_files_is_named_and_worth_another_attempt(error: Exception, code: str) -> None:
    found = error_of_files(error)
    assert found is not None
    assert found["code"] == code
    assert worth_retrying(code, crashed=True)


def test_an_error_that_is_no_matter_of_files_is_not_explained_as_one() -> None:
    assert error_of_files(PermissionError(errno.EACCES, "Permission denied")) is None


@pytest.mark.parametrize("code", ["engine_killed", "engine_crashed", "lease_over"])
def test_a_lost_engine_is_retried_but_an_out_of_memory_kill_is_not(code: str) -> None:
    assert worth_retrying(code, crashed=True)
    assert not worth_retrying("out_of_memory", crashed=True)
