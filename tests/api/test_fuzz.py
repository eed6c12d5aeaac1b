"""Schemathesis asks every operation for what its document says and does not say, and finds nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_client import Served, Truth

from store.settings import Settings

EXAMPLES = 4


@pytest.fixture
def patient(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """A service that does not mind how often it is asked: a refusal for haste would hide what is looked for."""
    found = Served(settings.model_copy(update={"rate_per_second": 1e6, "rate_burst": 10**6}), tmp_path / "api.log")
    yield found
    found.stop()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_schemathesis_finds_nothing(patient: Served, truth: Truth, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    assert shutil.which(program), "schemathesis belongs to the dev extra"
    command = [program, "run", f"{patient.url}/openapi.json", "--header", f"Authorization: Bearer {truth.key()}"]
    # What is refused though the schema allows it: cursors, versions, specs with more rules than a schema can say.
    command += ["--exclude-checks", "positive_data_acceptance", "--no-color", "--request-timeout", "20"]
    command += ["--exclude-operation-id", "streamEvents"]  # ends with its job, which nobody works on here
    command += ["--max-examples", str(EXAMPLES), "--seed", "1", "--generation-database", "none"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=550)
    shown = "\n".join(line[:400] for line in done.stdout.splitlines() if not line.lstrip().startswith("curl"))
    assert done.returncode == 0, shown[-20_000:] + done.stderr[-2000:]
