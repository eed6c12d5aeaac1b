"""Chaos: jobs on a whole service whose parts are killed, frozen, starved and lied to; afterwards nothing is lost.

`make chaos` runs it for minutes and prints what was done to the service and what it lost; the tests have a short form.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chaos_faults import Faults
from chaos_losses import losses
from chaos_service import PATIENT, Order, Service, ready, running
from crew import SPEC, undisturbed_student
from pictures import archive, two_classes
from rich.console import Console
from rich.table import Table
from servers import wait_until
from sqlalchemy import select

from distillery import Client, Unreachable
from store.models import Job
from store.states import FINAL


def submit(service: Service, count: int) -> None:
    """Give the service its jobs, each once, however often the request has to be sent."""
    with Client(service.url, service.key, retry=PATIENT) as client:
        bring(service, client)
        for number in range(count):
            spec = {**SPEC, "name": f"chaos-{number}"}
            service.orders.append(Order(client.submit(spec, idempotency_key=f"chaos-{number}")["id"]))


def bring(service: Service, client: Client) -> None:
    """Send a dataset, which a worker has to look at."""
    path = service.crew.home / "scans.zip"
    path.write_bytes(archive(two_classes(each=800)))
    source = {"uploads": [client.upload(path, part_bytes=2**20)["id"]]}
    order = {"name": "chaos", "format": "image-folder", "size": {"height": 8, "width": 8}, "source": source}
    service.brought.append(client.create_dataset(order, idempotency_key="chaos")["id"])


def rage(service: Service, faults: Faults, seconds: float, random_: random.Random) -> None:
    """Fault after fault: every kind once in a random order, and then as it comes, as long as there is time and work."""
    until, names = time.monotonic() + seconds, faults.names()
    random_.shuffle(names)
    while time.monotonic() < until and not all_ended(service):
        with suppress(Unreachable):
            faults.commit(names.pop() if names else random_.choice(faults.names()))
        time.sleep(random_.uniform(0.2, 1.5))


def all_ended(service: Service) -> bool:
    """Whether no job is under way."""
    try:
        with service.crew.database.read() as session:
            states = session.scalars(select(Job.status)).all()
    except Exception:
        return False
    return len(states) >= len(service.orders) + len(service.brought) and all(state in FINAL for state in states)


def settle(service: Service, seconds: float) -> None:
    """Wait in peace until every job has ended, or for so long."""
    with suppress(TimeoutError):
        wait_until(lambda: all_ended(service), "the end of all jobs", seconds)


def trial(folder: Path, *, jobs: int, workers: int, seconds: float, seed: int, servers: bool, bits: str) -> Report:
    """One round of chaos and what it cost."""
    random_ = random.Random(seed)
    with running(folder, workers, servers=servers) as service:
        ready(service)
        faults = Faults(service, random_)
        sender = threading.Thread(target=submit, args=(service, jobs))
        sender.start()
        wait_until(lambda: bool(service.orders), "the first job", 60)
        rage(service, faults, seconds, random_)
        sender.join()
        settle(service, 60 + 30 * jobs)
        ended = Counter(str(service.crew.job(order.id).status) for order in service.orders)
        return Report(faults.done, faults.skipped, losses(service, bits), ended)


@dataclass(frozen=True)
class Report:
    """Faults by kind, those that there was no way to cause, what was lost, and how jobs ended."""

    faults: Counter[str]
    skipped: dict[str, str]
    losses: list[str]
    ended: Counter[str]


def show(report: Report, console: Console) -> None:
    """The table that `make chaos` ends with."""
    table = Table("fault", "times", title="What was done to the service", title_justify="left")
    for name, times in sorted(report.faults.items()):
        table.add_row(name, str(times))
    for name, why in sorted(report.skipped.items()):
        table.add_row(name, f"0 ({why})")
    console.print(table)
    console.print(f"jobs: {', '.join(f'{count} {state}' for state, count in sorted(report.ended.items()))}")
    console.print(f"faults: {sum(report.faults.values())}, losses: {len(report.losses)}", style="bold")
    for loss in report.losses:
        console.print(f"  {loss}", markup=False, style="red")


def main() -> int:
    """`make chaos`."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=180, help="of faults; jobs then end in peace")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--embedded", action="store_true", help="on files instead of Postgres and Redis")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    seed, console = random.randrange(10**6) if chosen.seed is None else chosen.seed, Console()
    with tempfile.TemporaryDirectory(prefix="distillery-chaos-") as name:
        folder = Path(name)
        console.print(f"seed {seed}; {chosen.jobs} jobs on {chosen.workers} workers, {chosen.seconds:g} s of faults")
        bits = undisturbed_student(folder / "undisturbed")
        options = {"jobs": chosen.jobs, "workers": chosen.workers, "seconds": chosen.seconds}
        report = trial(folder / "trial", **options, seed=seed, servers=not chosen.embedded, bits=bits)
    if chosen.json:
        print(json.dumps({"faults": report.faults, "losses": report.losses, "ended": report.ended, "seed": seed}))
    else:
        show(report, console)
    return 1 if report.losses else 0


if __name__ == "__main__":
    sys.exit(main())
