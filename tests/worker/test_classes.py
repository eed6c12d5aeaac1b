"""Jobs wait for workers with the memory that they need, and every worker with enough of it serves them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdcore.spec.job import Resources
from worker.classes import LARGEST_GB, gpu_gb, machine_gb, served
from worker.settings import WorkerSettings


def worker(memory: float | None, *classes: str, slots: int = 1) -> tuple[str, ...]:
    return served(WorkerSettings(memory_gb=memory, resource_classes=classes or ("cpu",), slots=slots))


@given(st.floats(0.01, 256), st.floats(0, 1024), st.sampled_from(["cpu", "cuda"]))
def test_a_worker_serves_a_job_only_if_it_has_the_memory_and_always_if_it_has_twice(
    needs: float, memory: float, device: str
) -> None:
    wanted = Resources(needs_gb=needs, device=device).worker_class
    classes = worker(max(memory, 1e-3), "cpu", "gpu")
    if wanted in classes and needs > 8:
        assert needs <= memory
    if memory >= max(2 * needs, 16) or memory >= LARGEST_GB:
        assert wanted in classes


@pytest.mark.parametrize(
    ("needs", "name"),
    [(None, "cpu"), (0.5, "cpu"), (8, "cpu"), (8.1, "cpu-16g"), (16, "cpu-16g"), (17, "cpu-32g"), (256, "cpu-256g")],
)
def test_a_need_is_rounded_up_to_a_power_of_two(needs: float | None, name: str) -> None:
    assert Resources(needs_gb=needs).worker_class == name


def test_a_job_without_a_need_is_of_the_plain_class_as_ever() -> None:
    assert Resources(device="cuda").worker_class == "gpu"
    assert worker(4) == ("cpu",)


def test_a_class_that_was_told_with_its_size_is_served_as_it_is() -> None:
    assert worker(64, "cpu-64g") == ("cpu-64g",)


def test_the_memory_is_shared_between_the_slots(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       65536000 kB\nMemFree: 1 kB\n")
    assert machine_gb(meminfo) == pytest.approx(67.1, abs=0.1)
    alone, shared = worker(None, slots=1), worker(None, slots=64)
    assert set(shared) <= set(alone)
    assert machine_gb() > 0


def test_the_smallest_gpu_counts_and_a_driver_that_fails_is_no_gpu() -> None:
    assert gpu_gb((sys.executable, "-c", "print(81559); print(24564)")) == pytest.approx(25.8, abs=0.1)
    assert gpu_gb((sys.executable, "-c", "raise SystemExit(9)")) == 0
    assert gpu_gb(("no-such-program",)) == 0
