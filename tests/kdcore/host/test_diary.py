"""The log tells a job's story in lines that can be read and searched."""

import re

import pytest

from kdcore.host.diary import note


@pytest.mark.parametrize(
    ("record", "line"),
    [
        ({"type": "phase", "phase": "train", "run": "distil"}, "info    phase train of distil"),
        ({"type": "phase", "phase": "prepare", "run": None}, "info    phase prepare"),
        ({"type": "log", "level": "warning", "message": "slow"}, "warning slow"),
        ({"type": "checkpoint", "step": 12}, "info    checkpoint at step 12"),
        ({"type": "stopped", "reason": "pause"}, "info    stopped: pause"),
        ({"type": "error", "code": "disk_full", "message": "no room"}, "error   disk_full: no room"),
    ],
)
def test_a_record_becomes_one_line_with_its_time(capsys, record, line):
    note(record)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z (.*)\n", capsys.readouterr().err)[1] == line


def test_an_epoch_is_told_by_its_figures_and_not_by_its_terms(capsys):
    values = {"loss": 0.5, "term.kl": 0.25, "accuracy": 0.93311}
    note({"type": "metrics", "run": "distil", "split": "validation", "epoch": 4.0, "values": values})
    assert capsys.readouterr().err.endswith("distil epoch 4, validation: loss 0.5, accuracy 0.9331\n")


@pytest.mark.parametrize("record", [{"type": "progress"}, {"type": "metrics", "split": "train"}])
def test_what_comes_many_times_a_minute_is_left_out(capsys, record):
    note(record)
    assert capsys.readouterr().err == ""
