"""What a job leaves behind: files that are in the store of files, offered by their names, and a result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from store import events
from store.database import now
from store.ids import new_id
from store.models import Artifact, Job, JobSpecRow


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """A file of the result, already in the store of files under ``key``."""

    name: str
    kind: str
    media_type: str
    sha256: str
    bytes: int
    key: str


@dataclass(frozen=True, slots=True)
class Left:
    """The result and the files of an attempt that has ended."""

    result: dict[str, Any]
    artifacts: tuple[StoredArtifact, ...] = field(default=())


def offer(session: Session, job: Job, left: Left) -> None:
    """Adds the files, with their events, and the result, in the caller's transaction."""
    rows = [_row(session, job, artifact) for artifact in left.artifacts]
    session.add_all(rows)
    facts = ("id", "name", "kind", "media_type", "bytes", "sha256")
    events.append_all(session, job, [("artifact", {name: getattr(row, name) for name in facts}) for row in rows])
    session.get_one(JobSpecRow, job.id).result = left.result


def _row(session: Session, job: Job, artifact: StoredArtifact) -> Artifact:
    facts = {name: getattr(artifact, name) for name in StoredArtifact.__slots__}
    return Artifact(id=new_id("art"), job_id=job.id, created_at=now(session), **facts)
