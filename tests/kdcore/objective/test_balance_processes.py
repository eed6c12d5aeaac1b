"""Balances in two processes agree with each other, and with one process that sees all of the batch."""

import json
import os
import subprocess
import sys

import pytest
import torch

PROCESSES = 2
SCRIPT = """
import datetime, json, sys
import torch
from torch import distributed, nn
from kdcore.objective.balance import balance

rank, count, folder = *map(int, sys.argv[2:4]), sys.argv[4]

def mean(tensor):
    distributed.all_reduce(tensor)
    return tensor / count

def run(kind, options):
    torch.manual_seed(0)
    below, above = nn.Linear(3, 4).double(), nn.Linear(4, 2).double()
    inputs, wanted = torch.randn(8, 3).double(), torch.randn(8, 2).double()
    own = slice(rank * 8 // count, (rank + 1) * 8 // count)
    parameters = [*below.parameters(), *above.parameters()]
    piece = balance(kind, **options)
    piece.reduce = mean if count > 1 else None

    def losses():
        feature = below(inputs[own]).tanh()
        task, distill = (above(feature) - wanted[own]).square().mean(0)
        return {"task": task + 0.1 * distill, "distill": 8 * distill}, [feature]

    record = []
    for step in range(6):
        for parameter in parameters:
            parameter.grad = None
        found, shared = losses()
        readings = piece.backward(found, parameters, shared, epoch=step)
        with torch.no_grad():
            for parameter in [*parameters, *piece.parameters()]:
                parameter -= 0.01 * parameter.grad
        if piece.looks_again:
            again = {name: loss.detach() for name, loss in losses()[0].items()}
            readings |= piece.after_step({name: loss.detach() for name, loss in found.items()}, again)
        record.append({name: value.item() for name, value in readings.items()})
    return {"weights": torch.cat([p.detach().flatten() for p in parameters]), "record": record}

if count > 1:
    wait = datetime.timedelta(seconds=60)
    distributed.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=count, timeout=wait)
torch.save([run(kind, options) for kind, options in json.loads(sys.argv[1])], f"{folder}/{count}-{rank}.pt")
if count > 1:
    distributed.destroy_process_group()
"""


KINDS = [
    ("fixed", {"measure_every": 2}),
    ("uncertainty", {}),
    ("gradnorm", {}),
    ("cagrad", {}),
    ("mokd", {}),
    ("mokd", {"form": "cheap"}),
    ("mokd", {"form": "amortised"}),
    ("dot", {}),
]


def run(folder, count):
    """What every one of ``count`` processes ends with, by kind, after six steps each."""
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, json.dumps(KINDS)]
    started = [
        subprocess.Popen([*command, str(rank), str(count), str(folder)], env=environment) for rank in range(count)
    ]
    assert [process.wait(120) for process in started] == [0] * count
    return [torch.load(folder / f"{count}-{rank}.pt") for rank in range(count)]


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """Two processes and one alone."""
    folder = tmp_path_factory.mktemp("processes")
    return [*run(folder, PROCESSES), *run(folder, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("place", range(len(KINDS)), ids=["-".join(map(str, kind)) for kind in KINDS])
def test_two_processes_take_the_steps_of_one_and_agree_to_the_bit(ends, place):
    first, second, alone = (end[place] for end in ends)
    assert torch.equal(first["weights"], second["weights"])
    assert first["record"] == second["record"]
    torch.testing.assert_close(first["weights"], alone["weights"])
    for ours, theirs in zip(first["record"], alone["record"], strict=True):
        assert ours == pytest.approx(theirs)
