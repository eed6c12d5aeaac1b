"""A short form of `make chaos`: whatever is done to the parts of a service, it loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from chaos import trial

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("servers", [False, pytest.param(True, marks=pytest.mark.servers)], ids=["embedded", "servers"])
def test_a_service_in_chaos_loses_nothing(tmp_path: Path, undisturbed: str, servers: bool) -> None:
    report = trial(tmp_path, jobs=5, workers=2, seconds=40, seed=3, servers=servers, bits=undisturbed)
    assert report.losses == []
    assert sum(report.faults.values()) >= 8
