"""Telling the kernel's out-of-memory killer from any other kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.memory import oom_kills

_V2 = ("0::/user.slice/job.scope\n", "user.slice/job.scope/memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill {}\n")
_V1 = (
    "4:memory:/docker/abc\n0::/\n",
    "memory/docker/abc/memory.oom_control",
    "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n",
)


@pytest.mark.parametrize("version", [_V1, _V2], ids=["cgroup v1", "cgroup v2"])
def test_a_kill_in_our_control_group_is_counted(tmp_path: Path, version: tuple[str, str, str]) -> None:
    groups, counter, text = version
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(groups)
    (proc / "vmstat").write_text("nr_free_pages 12\noom_kill 3\n")
    (cgroups / counter).parent.mkdir(parents=True)
    readings = []
    for kills in (0, 1):
        (cgroups / counter).write_text(text.format(kills))
        readings.append(oom_kills(proc, cgroups))
    assert readings[1] - readings[0] == 1


def test_this_machine_can_be_read() -> None:
    assert oom_kills() >= 0


def test_a_machine_without_counters_reads_as_no_kill(tmp_path: Path) -> None:
    assert oom_kills(tmp_path, tmp_path) == 0
