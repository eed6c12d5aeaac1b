"""A job in several processes, seen from the one that started them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdcore.distributed.launching import launch
from kdcore.distributed.places import enough_devices
from kdcore.errors import EngineError, Stopped
from kdcore.files import write_json
from kdcore.spec.plan import Plan
from kdcore.train.cache import Keep
from kdcore.train.machine import Machine

Record = dict[str, Any]


def run_together(
    plan: Plan, workdir: Path, report: Callable[[Record], None], stop: Callable[[], str | None], keep: Keep
) -> Record:
    """Run a plan in the processes that it asks for; arguments as of ``kdcore.run``.

    Returns:
        the content of ``result.json``.

    Raises:
        Stopped, EngineError: as ``kdcore.run``, and ``process_lost``.
    """
    processes = plan.spec.resources.processes
    enough_devices(processes, Machine.of_this(plan.spec).device)
    write_json(workdir / "plan.json", plan.document())
    ends: dict[str, Record] = {}

    def hear(rank: int, line: str) -> None:
        record = json.loads(line)
        if record["type"] in {"stopped", "error"}:
            ends.setdefault(record["type"], record)
            return
        if record["type"] == "result":
            ends["result"] = record
        report(record)

    try:
        command = [sys.executable, "-m", "kdcore.rank", str(workdir), str(keep.folder), keep.project]
        launch(command, processes, hear=hear, stop=stop)
    except EngineError:
        if "error" not in ends:
            raise
    if "error" in ends:
        found = ends["error"]
        raise EngineError(found["code"], found["message"], found["param"]) from None
    if "stopped" in ends:
        raise Stopped(ends["stopped"]["reason"])
    result: Record = ends["result"]["result"]
    return result
