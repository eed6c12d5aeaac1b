"""Processes that are started together: what they are told, and how they end together."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kdcore.distributed import launch
from kdcore.errors import EngineError


def program(code):
    return [sys.executable, "-c", code]


def gone(pid, seconds=10):
    """Whether a process ends soon."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_every_process_knows_its_place_and_is_heard(tmp_path):
    code = (
        "import os, pathlib; e = os.environ; name = e['RANK']; "
        f"pathlib.Path({str(tmp_path)!r}, name).write_text(' '.join([e['WORLD_SIZE'], e['LOCAL_RANK'], "
        "e['KDCORE_MEETING'], e['KDCORE_PARENT'], str(os.getsid(0) == os.getpid())])); print('I am', name)"
    )
    heard = []
    launch(program(code), 3, hear=lambda *said: heard.append(said))
    assert sorted(heard) == [(0, "I am 0"), (1, "I am 1"), (2, "I am 2")]
    told = [(tmp_path / str(rank)).read_text().split() for rank in range(3)]
    assert [(size, local, own) for size, local, _, _, own in told] == [("3", str(rank), "True") for rank in range(3)]
    assert {parent for _, _, _, parent, _ in told} == {str(os.getpid())}
    (meeting,) = {meeting for _, _, meeting, _, _ in told}
    assert meeting.startswith("file:///")
    assert not Path(meeting.removeprefix("file://")).parent.exists()


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("os.kill(os.getpid(), 9)", "rank 1 of 2 processes was ended by SIGKILL; the machine may be out of memory"),
        ("sys.exit(7)", "rank 1 of 2 processes ended with code 7"),
    ],
)
def test_a_lost_process_ends_the_others_and_is_named(end, said):
    code = f"import os, sys, time; print(os.getpid(), flush=True)\nif os.environ['RANK'] == '1': {end}\ntime.sleep(600)"
    pids = {}
    with pytest.raises(EngineError, match=said) as told:
        launch(program(code), 2, hear=lambda rank, line: pids.update({rank: int(line)}))
    assert told.value.param == "/resources/processes"
    assert gone(pids[0])


def test_one_that_was_killed_is_the_cause_of_others_that_fail():
    code = (
        "import os, sys, time\n"
        "if os.environ['RANK'] == '1': time.sleep(0.5); os.kill(os.getpid(), 9)\n"
        "print('the neighbour is gone', flush=True); sys.exit(1)"
    )
    heard = []
    with pytest.raises(EngineError, match="rank 1 of 2 processes was ended by SIGKILL"):
        launch(program(code), 2, hear=lambda *said: heard.append(said))
    assert heard == [(0, "the neighbour is gone")]


def test_one_that_ends_well_before_the_others_is_not_missed():
    code = "import os, time; time.sleep(0.5 * (os.environ['RANK'] == '0')); print('last words')"
    heard = []
    launch(program(code), 2, hear=lambda rank, line: heard.append((rank, line)))
    assert heard == [(1, "last words"), (0, "last words")]


def test_the_reason_of_a_stop_reaches_the_first_process_once():
    heard = []
    code = (
        "import os, select; print('here', flush=True); print(os.read(0, 100).decode(), end=''); "
        "print(select.select([0], [], [], 0.3)[0])"
    )
    launch(program(code), 1, hear=lambda rank, line: heard.append(line), stop=lambda: "pause" if heard else None)
    assert heard == ["here", "pause", "[]"]


def test_a_failure_of_the_listener_ends_the_processes():
    pids = []

    def hear(rank, line):
        pids.append(int(line))
        raise RuntimeError("cannot listen")

    with pytest.raises(RuntimeError, match="cannot listen"):
        launch(program("import os, time; print(os.getpid(), flush=True); time.sleep(600)"), 2, hear=hear)
    assert gone(pids[0])


@pytest.mark.slow
def test_processes_die_with_who_started_them():
    rank = (
        "from kdcore.distributed.started import begin\nimport os, time\nbegin()\n"
        "print(os.getpid(), flush=True)\ntime.sleep(600)"
    )
    parent = (
        "import sys\nfrom kdcore.distributed import launch\n"
        f"launch([sys.executable, '-c', {rank!r}], 2, hear=lambda rank, line: print(line, flush=True))"
    )
    with subprocess.Popen(program(parent), stdout=subprocess.PIPE, text=True) as started:
        try:
            pid = int(started.stdout.readline())
        finally:
            started.kill()
    assert gone(pid)
