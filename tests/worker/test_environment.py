"""What an engine may know of the service."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.environment import cards, engine_environment
from worker.settings import WorkerSettings


def test_the_service_s_addresses_and_secrets_stay_out_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "DISTILLERY_DATABASE_URL": "postgresql://u:hunter2@db/x",
        "DISTILLERY_SECRET": "hunter2" * 8,
        "DISTILLERY_BROKER_URL": "redis://:hunter2@cache/0",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "PGPASSWORD": "hunter2",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    environment = engine_environment(Path("/cache"), Path("/data"), threads=2)
    assert not set(secrets) & set(environment)
    assert "hunter2" not in "".join(environment.values())


def test_the_engine_is_told_its_threads_and_its_data() -> None:
    environment = engine_environment(Path("/cache"), Path("/data"), threads=3)
    assert environment["OMP_NUM_THREADS"] == "3"
    assert environment["DISTILLERY_DATA"] == "/data"
    assert "DISTILLERY_DATA" not in engine_environment(Path("/cache"), None, threads=3)


def test_slots_share_the_processors_unless_told_otherwise() -> None:
    alone, crowd = WorkerSettings(slots=1), WorkerSettings(slots=64)
    assert alone.threads >= crowd.threads >= 1
    assert WorkerSettings(engine_threads=7).threads == 7


def test_a_pause_gets_more_time_for_its_checkpoint_than_a_cancel() -> None:
    settings = WorkerSettings(grace_seconds=3, pause_grace_seconds=20)
    assert settings.grace("cancel") == 3
    assert settings.grace("pause") == settings.grace("drain") == 20


def test_one_slot_sees_every_gpu_and_several_slots_share_them_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert cards(found=2, slots=1) == [None]
    assert cards(found=2, slots=3) == ["0", "1", "0"]
    assert cards(found=0, slots=2) == [None, None]


def test_the_gpus_that_the_operator_named_are_the_only_ones_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-5d1f")
    assert cards(found=8, slots=2) == ["3", "GPU-5d1f"]
    assert engine_environment(Path("/cache"), None, 1, card="3")["CUDA_VISIBLE_DEVICES"] == "3"
