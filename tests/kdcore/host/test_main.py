"""How an engine says what went wrong, whatever else is broken."""

import json
import os
import sys

import kdcore
from kdcore.host.__main__ import FAILED, run_job
from kdcore.host.wire import Job, Records, Stop


class Full:
    """A log on a full disk."""

    def write(self, text):
        raise OSError(27, "File too large")

    def flush(self):
        raise OSError(27, "File too large")


def test_a_log_that_takes_nothing_more_does_not_hide_a_full_disk(tiny_plan, tmp_path, monkeypatch):
    def full(*args, **options):
        raise RuntimeError("I/O error: File too large (os error 27)")  # as safetensors tells it

    reading, writing = os.pipe()
    monkeypatch.setattr(kdcore, "run", full, raising=False)
    monkeypatch.setattr(sys, "stderr", Full())
    code = run_job(Job(tiny_plan().document(), tmp_path), Records(writing), Stop())
    monkeypatch.undo()
    os.close(writing)
    with os.fdopen(reading) as records:
        (record,) = map(json.loads, records)
    assert code == FAILED
    assert (record["type"], record["code"]) == ("error", "disk_full")
