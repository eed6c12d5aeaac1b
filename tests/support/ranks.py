"""Processes that serve functions of their group, so that a test need not start its own."""

import multiprocessing
import os
import sys
import tempfile
import traceback
from pathlib import Path

SECONDS = 120


class Ranks:
    """Processes joined by gloo on the loopback device; ``ranks(function, *given)`` is what each one's returned.

    ``function(group, *given)`` must be importable; a failure in any process is raised here with its traceback.
    """

    def __init__(self, size):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        context = multiprocessing.get_context("spawn")
        self.folder = tempfile.TemporaryDirectory()
        meeting = f"file://{Path(self.folder.name) / 'meeting'}"
        self.pipes, self.processes = [], []
        for rank in range(size):
            ours, theirs = context.Pipe()
            self.pipes.append(ours)
            self.processes.append(context.Process(target=_serve, args=(rank, size, meeting, theirs), daemon=True))
            self.processes[-1].start()
            theirs.close()

    def __call__(self, function, *given, seconds=SECONDS):
        for pipe in self.pipes:
            pipe.send((function, given))
        return [self._answer(rank, seconds) for rank in range(len(self.pipes))]

    def _answer(self, rank, seconds):
        assert self.pipes[rank].poll(seconds), f"rank {rank} did not answer within {seconds} s"
        well, found = self.pipes[rank].recv()
        assert well, f"rank {rank}:\n{found}"
        return found

    def close(self):
        for process in self.processes:
            process.kill()
            process.join()
        self.folder.cleanup()


def _serve(rank, size, meeting, pipe):
    import torch

    from kdcore.distributed import Place, open_group

    torch.set_num_threads(1)
    group = open_group(size, "cpu", Place(rank, size, rank, meeting))
    while True:
        try:
            function, given = pipe.recv()
        except EOFError:
            sys.exit()
        try:
            pipe.send((True, function(group, *given)))
        except BaseException:
            pipe.send((False, traceback.format_exc()))
