"""The embedded service: submit to first training step on a warm worker, and what the API process costs.

    .venv/bin/python bench/first_step.py [--jobs 15]

Starts `distill up` in a folder of its own on a free port, waits for a warm engine, and submits small jobs one after the
other; each is cancelled at its first progress record. Then it reads the API process's resident memory, and starts
`import api.main` ten times.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distillery import Client

SPEC = {
    "name": "bench",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 50}},
    "student": {"architecture": "resnet8", "width": 0.5},
    "method": "hinton",
    "baseline": False,
    "resources": {"threads": 1},
}


@contextmanager
def service(home: Path) -> Iterator[Client]:
    """A running service and a client for it."""
    command = [sys.executable, "-m", "distillery", "up", "--home", str(home), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        stored = home / "client.json"
        while not stored.exists() or "url" not in json.loads(stored.read_text()):
            time.sleep(0.2)
        known = json.loads(stored.read_text())
        with Client(known["url"], known["key"]) as client:
            while not any("warm" in json.dumps(worker) or "ready" in json.dumps(worker) for worker in workers(client)):
                time.sleep(0.5)
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def workers(client: Client) -> list[object]:
    """The live workers, none while the service is starting."""
    try:
        return list(client.workers())
    except Exception:
        return []


def seconds_to_first_step(client: Client) -> float:
    """From the request to the first progress record that says a step was done."""
    began = time.perf_counter()
    job = client.submit(SPEC)
    for event in client.stream(job["id"]):
        if event["type"] in {"progress", "metric"}:
            break
    taken = time.perf_counter() - began
    client.cancel(job["id"])
    while client.job(job["id"])["status"] not in {"cancelled", "failed", "succeeded"}:
        time.sleep(0.1)
    time.sleep(5)  # for the next standby engine to warm up
    return taken


def resident_megabytes(module: str) -> float:
    """Resident memory of the newest process that runs ``module``, among this user's."""
    for entry in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name), reverse=True):
        try:
            if f"-m\0{module}\0" in (entry / "cmdline").read_text():
                line = next(line for line in (entry / "status").read_text().splitlines() if line.startswith("VmRSS"))
                return int(line.split()[1]) / 1024
        except (OSError, StopIteration):
            continue
    return float("nan")


def import_seconds() -> float:
    """Wall time of a fresh interpreter that imports the API."""
    began = time.perf_counter()
    code = "import api.main, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "DISTILLERY_AUTH": "true"})
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, service(Path(folder) / "home") as client:
        taken = [seconds_to_first_step(client) for _ in range(options.jobs)]
        memory = resident_megabytes("api")
    starts = [import_seconds() for _ in range(10)]
    print(
        json.dumps(
            {
                "submit to first step, s": {
                    "median": round(statistics.median(taken), 2),
                    "least": round(min(taken), 2),
                    "most": round(max(taken), 2),
                    "jobs": len(taken),
                },
                "api resident, MB": round(memory, 1),
                "import api.main, s": round(statistics.median(starts), 2),
            }
        )
    )


if __name__ == "__main__":
    main()
