"""What the driver says of the GPUs' memory is told with each beat, and no driver is no news."""

from __future__ import annotations

import sys

from servers import wait_until

from worker.gpus import GpuMemory, said


def test_each_gpu_is_told_with_used_and_total_bytes() -> None:
    answer = "print('NVIDIA H100, PCIe, 1024, 81559'); print('NVIDIA GB10, [N/A], [N/A]')"
    gpus = GpuMemory(60, (sys.executable, "-c", answer))
    gpus.start()
    wait_until(lambda: bool(gpus.known), "the answer")
    assert gpus.known == [
        {"model": "NVIDIA H100, PCIe", "used": 1024 * 1024**2, "total": 81559 * 1024**2},
        {"model": "NVIDIA GB10", "used": None, "total": None},
    ]


def test_without_a_driver_that_answers_the_thread_ends_by_itself() -> None:
    for command in (("no-such-program",), (sys.executable, "-c", "raise SystemExit(9)")):
        assert said(command) == []
        gpus = GpuMemory(60, command)
        gpus.start()
        gpus.join(timeout=20)
        assert not gpus.is_alive()
        assert gpus.known == []
