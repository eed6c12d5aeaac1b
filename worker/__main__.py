"""`python -m worker`: hear rings, run jobs, and on SIGTERM give them back before leaving."""

from __future__ import annotations

import os
import sys
import threading
import time

import structlog
from pydantic import ValidationError

from worker import logs
from worker.app import Listener
from worker.settings import WorkerSettings
from worker.supervisor import Supervisor

_log = structlog.get_logger("worker")

_HEAR_AGAIN_SECONDS = 5.0
_LAST_RESORT_SECONDS = 10.0


def main() -> int:
    """Be a worker until a signal says otherwise."""
    logs.configure()
    try:
        settings = WorkerSettings()
    except ValidationError as error:
        sys.stderr.write("".join(f"{problem['loc']}: {problem['msg']}\n" for problem in error.errors()))
        return 2
    supervisor = Supervisor(settings)
    farewell = threading.Thread(target=_farewell, args=(supervisor,), name="farewell", daemon=True)
    farewell.start()
    _hear(Listener(settings, supervisor), supervisor)
    supervisor.left.wait()
    return 0


def _hear(listener: Listener, supervisor: Supervisor) -> None:
    while not supervisor.leaving:
        listener.listen()
        if not supervisor.leaving:
            # Jobs go on without a broker: slots look for work by themselves.
            _log.error("listener_ended", again_in_seconds=_HEAR_AGAIN_SECONDS)
            time.sleep(_HEAR_AGAIN_SECONDS)


def _farewell(supervisor: Supervisor) -> None:
    supervisor.give_back()
    # A broker that no longer answers can hold the listener's shutdown for ever.
    time.sleep(_LAST_RESORT_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
