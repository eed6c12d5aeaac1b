"""Jobs that look at what somebody brought: from where it lies to a plan that an engine can follow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from store import imports, inputs, jobs, uploads
from store.errors import Invalid, NotFound
from store.inputs import Input
from store.models import Job, JobKind, Upload
from store.settings import Settings
from store.shelves import Subject

PLAIN_CLASS_GB = 8
NAME_BYTES = 200
"""Bytes of a file's name: disks take 255, and something is added while it arrives."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where something lies that is to be looked at.

    Attributes:
        files: of uploads, in the store of files.
        imported: a file or folder in one of the operator's places, as ``lake/cifar``.
        described: the same for people and programs.
    """

    described: dict[str, Any]
    files: tuple[Input, ...] = ()
    imported: str | None = None


def of_uploads(session: Session, project_id: str, upload_ids: Iterable[str]) -> Source:
    """Complete uploads as files beside each other.

    Raises:
        Invalid: the project has no such upload, one is not complete, or two have one name.
    """
    files: dict[str, list[Input]] = {}
    described = []
    for index, upload_id in enumerate(upload_ids):
        upload = _upload(session, project_id, upload_id, index)
        _check(
            upload.status == uploads.COMPLETE, index, "upload_open", f"{upload_id} is not complete: complete it first"
        )
        fits = len(upload.name.encode()) <= NAME_BYTES
        _check(
            fits, index, "name_too_long", f"the name of {upload_id} has more than {NAME_BYTES} bytes: upload it anew"
        )
        path = f"{inputs.SOURCE}/{upload.name}"
        _check(path not in files, index, "duplicate_name", f"two uploads are called {upload.name!r}: rename one")
        files[path] = inputs.parts(path, upload.parts, upload.id)
        described.append({"id": upload.id, "name": upload.name, "bytes": upload.bytes, "digest": upload.digest})
    return Source({"uploads": described}, tuple(part for parts in files.values() for part in parts))


def _upload(session: Session, project_id: str, upload_id: str, index: int) -> Upload:
    try:
        return uploads.get_upload(session, project_id, upload_id)
    except NotFound as error:
        raise Invalid("unknown_upload", f"/source/uploads/{index}: {error.message}") from None


def _check(sound: bool, index: int, code: str, detail: str) -> None:
    if not sound:
        raise Invalid(code, f"/source/uploads/{index}: {detail}")


def of_import(settings: Settings, name: str) -> Source:
    """A file or folder in one of the operator's places.

    Raises:
        Invalid: there is no such place, or nothing of that name in it.
    """
    return Source({"import": name, **imports.look(settings, name)}, imported=name)


def submit(
    session: Session,
    settings: Settings,
    project_id: str,
    subject: Subject,
    options: Mapping[str, Any],
    source: Source,
) -> Job:
    """A queued inspection.

    Args:
        options: what its user said of it, with every default filled in.
    """
    needs = settings.inspection_memory_gb
    plan = {
        "kind": JobKind.INSPECTION,
        "subject": subject,
        "name": options["name"],
        "method": f"inspect-{subject}",
        "dataset": {"name": options["name"] if subject == "dataset" else ""},
        "options": dict(options),
        "caps": settings.caps(),
        "limits": {"memory_bytes": int(needs * 1e9), "seconds": settings.inspection_hours * 3600},
        "source": inputs.SOURCE,
        "import": source.imported,
        "hours": settings.inspection_hours,
        "resource_class": "cpu" if needs <= PLAIN_CLASS_GB else f"cpu-{2 ** math.ceil(math.log2(needs))}g",
    }
    return jobs.create_job(
        session,
        project_id=project_id,
        spec=options,
        plan=plan,
        kind=JobKind.INSPECTION,
        files=source.files,
        attempts_max=settings.max_attempts,
    )
