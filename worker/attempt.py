"""One attempt at one job: from the claim, through the engine's records, to the row's next state."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import structlog

from store import records
from store.errors import FilesError, Invalid, LeaseLost
from store.leases import Claim
from store.models import JobKind, JobState
from worker import ending
from worker.beat import Held
from worker.engine import DONE, TIME, Engine, Exit, Record
from worker.enginelog import EngineLog
from worker.fetching import Fetching, InputLost, Interrupted
from worker.folders import log_tail
from worker.memory import oom_kills
from worker.relay import RELAYED, Relay
from worker.tools import Tools
from worker.transfer import Transfer
from worker.writes import Writes

_log = structlog.get_logger(__name__)

_READ_SECONDS = 0.2
_JOB_PATIENCE_SECONDS = 30.0


class Attempt:
    """Use in this order, in the slot's thread: `begin`, `step` until it is False, `finish`."""

    def __init__(self, tools: Tools, claim: Claim, engine: Engine, deadline: float) -> None:
        self._tools, self._claim, self.engine, self.lease = tools, claim, engine, claim.lease
        self.folder = tools.folders.attempt(self.lease.job_id, self.lease.attempt)
        self.began = self._heard = time.monotonic()
        self.held = Held(self.lease, engine, deadline)
        self._write = Writes(tools.database, self.held)
        self._relay = Relay(self._write, self.lease, tools.settings.relay_seconds)
        self._transfer = Transfer(tools.files, self._write, self.lease, self.folder)
        self._artifacts: list[Record] = []
        self._result: dict[str, Any] | None = None
        self._error: ending.Error | None = None  # the engine's own
        self._trouble: ending.Error | None = None  # ours with its files: worth another attempt
        self._oom_kills = oom_kills()
        self._stalled = False
        self._seconds = _seconds_allowed(claim.plan, tools.settings.job_hours)
        self._time_over = self.began + (self._seconds or 0.0) - claim.worked_seconds
        self._log = EngineLog(tools.settings.log_bytes)

    def begin(self) -> None:
        """Make the folder, bring the last checkpoint, and give the engine its job."""
        self._tools.beat.hold(self.held)
        _log.info("attempt_begins", job=self.lease.job_id, attempt=self.lease.attempt, engine=self.engine.pid)
        try:
            self._prepare()
        except (FilesError, OSError) as error:
            self._trouble = ending.error_of_files(error) or ending.internal(error)
            self.engine.kill()

    def step(self) -> bool:
        """Take the records that have come and write them; False once the engine has ended or the lease is lost."""
        try:
            for record in self.engine.read(_READ_SECONDS):
                self._take(record)
            self._relay.flush_when_due()
        except LeaseLost:
            return False
        self._watch_for_stall()
        self._log.turn_when_due(self.engine.log_path)
        return not (self.engine.ended or self.held.lost)

    def finish(self) -> JobState | None:
        """End what is left of the engine and write how the attempt ended; None when it was not ours to write."""
        exit_ = self.engine.close()
        told = {"job": self.lease.job_id, "attempt": self.lease.attempt, "exit": str(exit_)}
        try:
            state = self._conclude(exit_)
        except LeaseLost:
            _log.info("attempt_discarded", **told)
            return None
        else:
            _log.info("attempt_ended", **told, job_is=str(state))
            return state
        finally:
            self._tools.beat.release(self.held)
            self._tools.folders.discard(self.folder)

    def watch_time(self) -> None:
        """Have the engine stop, with a checkpoint, when the job has used up its time; called by the watch."""
        if self._seconds is not None and time.monotonic() >= self._time_over:
            self.engine.stop(TIME, self._tools.settings.grace(TIME))

    def give_up(self, error: BaseException) -> None:
        """End the attempt because the worker itself failed at it."""
        self._result, self._trouble = None, ending.internal(error)
        self.engine.kill()

    def _prepare(self) -> None:
        work = self.folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        self.engine.move_log(self.folder / "engine.log")
        if self._claim.checkpoint is not None:
            self._transfer.restore(self._claim.checkpoint)
        kept = self._tools.folders.kept(self._claim.project_id)
        if not self._fetched(work):
            return
        shared = {"kept": str(kept), "project": self._claim.project_id}
        job = {"plan": self._claim.plan, "workdir": str(work), "deadline": self.held.deadline, **shared}
        if not self.engine.order("job", patience=_JOB_PATIENCE_SECONDS, **job):
            self.engine.kill()

    def _fetched(self, work: Path) -> bool:
        """Whether what the job starts from is there; False when the engine is being ended instead."""

        def over() -> bool:
            return self.held.lost or self.engine.stop_reason is not None

        fetching = Fetching(self._tools.files, self._relay, work, over)
        try:
            fetching.fetch(self._claim.files)
            if (name := self._claim.plan.get("import")) is not None:
                fetching.bring(self._tools.settings, name)
        except (Interrupted, LeaseLost):
            return False
        except InputLost as error:
            self._error = ending.input_lost(error)
            self.engine.kill()
            return False
        except Invalid as error:
            self._error = ending.no_import(error)
            self.engine.kill()
            return False
        self._heard = time.monotonic()
        return True

    def _take(self, record: Record) -> None:
        self._heard, self._stalled = time.monotonic(), False
        kind = record["type"]
        if kind in RELAYED:
            self._relay.add(record)
        elif kind == "checkpoint":
            self._transfer.save_checkpoint(record, self._relay)
        elif kind == "artifact":
            self._artifacts.append(record)
        elif kind == "result":
            self._result = record["result"]
        elif kind == "error":
            self._error = record

    def _watch_for_stall(self) -> None:
        silent = time.monotonic() - self._heard
        if silent < self._tools.settings.stall_seconds or self._stalled:
            return
        self._stalled = True
        _log.warning("engine_silent", job=self.lease.job_id, seconds=round(silent))
        self._relay.say("warning", f"The engine has said nothing for {silent:.0f} s; its stacks are in the log.")
        self.engine.dump_stacks()

    def _conclude(self, exit_: Exit) -> JobState:
        self._transfer.save_log(self._log.whole(self.engine.log_path))
        self._relay.flush()
        if self._result is not None and exit_.code == DONE:
            return self._publish(self._result, exit_)
        reason = self.engine.stop_reason
        if reason == TIME and self._trouble is None:
            self._error = ending.out_of_time(self._seconds or 0.0)
        elif reason is not None and self._error is None and self._trouble is None:
            return self._write(lambda session: records.stopped(session, self.lease, reason))
        return self._fail(exit_)

    def _publish(self, result: dict[str, Any], exit_: Exit) -> JobState:
        try:
            stored = [self._transfer.save_artifact(record) for record in self._artifacts]
        except (FilesError, OSError, ValueError) as error:
            self._trouble = ending.error_of_files(error) or ending.internal(error)
            return self._fail(exit_)
        return self._write(lambda session: records.publish(session, self.lease, result, stored))

    def _fail(self, exit_: Exit) -> JobState:
        error, retry = self._what_went_wrong(exit_)
        error["signal"] = None if exit_.killed_by_us else exit_.signal_name
        error["log_tail"] = log_tail(self.engine.log_path, hide=self.folder)
        backoff, left = self._tools.settings.backoff, self._left()
        return self._write(
            lambda session: records.fail(session, self.lease, error, retry=retry, backoff=backoff, left=left)
        )

    def _left(self) -> records.Left | None:
        """What an inspection found out of what it refuses."""
        if self._result is None or self._error is None or self._claim.plan.get("kind") != JobKind.INSPECTION:
            return None
        try:
            stored = tuple(self._transfer.save_artifact(record) for record in self._artifacts)
        except (FilesError, OSError, ValueError) as error:
            _log.warning("report_not_stored", job=self.lease.job_id, error=str(error))
            stored = ()
        return records.Left(self._result, stored)

    def _what_went_wrong(self, exit_: Exit) -> tuple[ending.Error, bool]:
        if self._trouble is not None:
            return self._trouble, True
        if self._error is not None:
            return {name: self._error.get(name) for name in ("code", "message", "param")}, False
        return ending.error_of_crash(exit_, out_of_memory=oom_kills() > self._oom_kills), True


def _seconds_allowed(plan: dict[str, Any], most_hours: float | None) -> float | None:
    """For how long engines may work on the job, by its spec and by whoever operates the service."""
    asked = plan.get("hours") or plan.get("spec", {}).get("resources", {}).get("hours")
    bounds = [hours for hours in (asked, most_hours) if hours is not None]
    return 3600 * min(bounds) if bounds else None
