"""An attempt's files on their way: checkpoints out and back in, artifacts and the log out."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import structlog

from store import records
from store.checkpoints import Resume
from store.errors import FileDamaged, FilesError
from store.files import Files
from store.leases import Lease
from store.records import StoredArtifact, StoredFile
from worker.ending import error_of_files, internal
from worker.engine import Record
from worker.folders import inside
from worker.relay import Relay
from worker.writes import Writes

_log = structlog.get_logger(__name__)


class Transfer:
    """Moves files between one attempt's folder and the store of files."""

    def __init__(self, files: Files, write: Writes, lease: Lease, folder: Path) -> None:
        self._files, self._write, self._lease = files, write, lease
        self._work, self._outbox = folder / "work", folder / "outbox"

    def restore(self, resume: Resume) -> None:
        """Put a checkpoint's files where the engine looks for them.

        Raises:
            FileDamaged, FileMissing: a file is not what its checkpoint says; FilesError, OSError: it could not be had.
        """
        for file in resume.files:
            path = inside(self._work, file.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._files.fetch(file.key, path)
            except FileDamaged:
                # Its name is its digest: while it stays, the same bytes would never be stored again.
                self._files.delete(file.key)
                raise

    def save_checkpoint(self, record: Record, relay: Relay) -> None:
        """Store a checkpoint's files, then make it count. One that cannot be stored is told in the job's log."""
        try:
            links = self._link([file["path"] for file in record["files"]])
            stored = [
                StoredFile(file["path"], file["sha256"], file["bytes"], self._files.put(link, file["sha256"]))
                for file, link in zip(record["files"], links, strict=True)
            ]
        except (FileDamaged, FileNotFoundError):
            # The engine has written the next checkpoint in the meantime: its record is on the way.
            _log.info("checkpoint_overtaken", job=self._lease.job_id, step=record["step"])
            return
        except (FilesError, OSError) as error:
            why = (error_of_files(error) or internal(error))["message"]
            relay.say("warning", f"The checkpoint at step {record['step']} is not stored. {why}")
            return
        finally:
            shutil.rmtree(self._outbox, ignore_errors=True)
        relay.flush()
        self._write(lambda session: records.add_checkpoint(session, self._lease, record, stored))

    def save_artifact(self, record: Record) -> StoredArtifact:
        """Store one file of the result.

        Raises:
            FilesError, OSError: it could not be stored.
        """
        key = self._files.put(inside(self._work, record["path"]), record["sha256"])
        facts = {name: record[name] for name in ("name", "kind", "media_type", "sha256", "bytes")}
        return StoredArtifact(**facts, key=key)

    def save_log(self, path: Path) -> None:
        """Store the engine's log and note its key on the attempt; a job does not fail for want of its log."""
        try:
            key = self._files.put(path, _sha256(path))
        except (FilesError, OSError) as error:
            _log.warning("log_not_stored", job=self._lease.job_id, error=str(error))
            return
        size = path.stat().st_size
        self._write.unguarded(lambda session: records.attach_log(session, self._lease, key, size))

    def _link(self, paths: list[str]) -> list[Path]:
        # The engine replaces its files by new ones; a link keeps the bytes that this record speaks of.
        self._outbox.mkdir(parents=True, exist_ok=True)
        links = [self._outbox / str(index) for index in range(len(paths))]
        for path, link in zip(paths, links, strict=True):
            os.link(inside(self._work, path), link)
        return links


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
