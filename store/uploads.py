"""Files that users bring: begun with a size, filled part by part in any order, complete when none is missing.

Each part is a file of its own in the store of files, under its digest: a part that is sent again costs nothing, a part
that was stored before needs no room, and completing an upload reads no byte.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from datetime import timedelta

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.orm import Session

from store import cursors, garbage
from store.database import now, upsert
from store.errors import Conflict, Invalid, NotFound
from store.files import Files, key_of
from store.ids import is_id, new_id
from store.models import Project, Upload, UploadPart

OPEN, COMPLETE = "open", "complete"
OPEN_MAX = 100
PARTS_MAX = 10_000
BATCH = 50


def begin(session: Session, project_id: str, name: str, size: int, part_bytes: int, *, hours: float) -> Upload:
    """A new upload, which ends by itself when it is not complete after so many hours.

    Raises:
        Conflict: the project has too many that are not complete.
        Invalid: more parts than an upload may have.
    """
    if part_count(size, part_bytes) > PARTS_MAX:
        least = math.ceil(size / PARTS_MAX)
        raise Invalid("too_many_parts", f"part_bytes: {PARTS_MAX} parts at most, so {least} bytes or more each.")
    session.scalars(select(Project.id).where(Project.id == project_id).with_for_update(key_share=True)).one()
    unfinished = Upload.project_id == project_id, Upload.status == OPEN
    if session.scalars(select(func.count()).select_from(Upload).where(*unfinished)).one() >= OPEN_MAX:
        raise Conflict("too_many_uploads", f"The project has {OPEN_MAX} uploads that are not complete; delete some.")
    at = now(session)
    upload = Upload(
        id=new_id("up"),
        project_id=project_id,
        name=name,
        bytes=size,
        part_bytes=part_bytes,
        status=OPEN,
        created_at=at,
        expires_at=at + timedelta(hours=hours),
    )
    session.add(upload)
    session.flush()
    return upload


def get_upload(session: Session, project_id: str, upload_id: str) -> Upload:
    """The upload.

    Raises:
        NotFound: there is none of that id in the project.
    """
    upload = session.get(Upload, upload_id) if is_id("up", upload_id) else None
    if upload is None or upload.project_id != project_id:
        raise NotFound("upload", upload_id)
    return upload


def list_uploads(
    session: Session,
    project_id: str,
    *,
    limit: int = 20,
    after: str | None = None,
    status: str | None = None,
    name: str | None = None,
) -> cursors.Page[Upload]:
    """A project's uploads, the newest first.

    Raises:
        Invalid: a cursor or limit that cannot be used.
    """
    query = select(Upload).where(Upload.project_id == project_id)
    asked = {Upload.status: status, Upload.name: name}
    query = query.where(*(column == value for column, value in asked.items() if value is not None))
    return cursors.walk(session, query, Upload.created_at, Upload.id, prefix="up", limit=limit, after=after)


def part_count(size: int, part_bytes: int) -> int:
    """How many parts a file has; an empty one has a single empty part."""
    return max(1, math.ceil(size / part_bytes))


def part_size(upload: Upload, number: int) -> int:
    """Bytes of part ``number``, counted from 1.

    Raises:
        Invalid: the upload has no such part.
    """
    count = part_count(upload.bytes, upload.part_bytes)
    if not 1 <= number <= count:
        raise Invalid("no_such_part", f"number: {number} is not between 1 and {count}.")
    return upload.part_bytes if number < count else upload.bytes - (count - 1) * upload.part_bytes


def add_part(session: Session, upload: Upload, number: int, sha256: str) -> UploadPart:
    """Notes a part that is in the store of files; it takes the place of an earlier one of that number.

    Raises:
        Conflict: the upload is complete.
    """
    _lock(session, upload)
    if upload.status != OPEN:
        raise Conflict("upload_complete", f"Upload {upload.id} is complete; begin another one.")
    size, at = part_size(upload, number), now(session)
    old = session.scalars(select(UploadPart.key).where(_place(upload, number))).all()
    values = {"sha256": sha256, "bytes": size, "key": key_of(sha256), "created_at": at}
    insert = upsert(session, UploadPart).values(upload_id=upload.id, number=number, **values)
    session.execute(insert.on_conflict_do_update(index_elements=["upload_id", "number"], set_=values))
    garbage.bury(session, [key for key in old if key != values["key"]])
    return session.scalars(
        select(UploadPart).where(_place(upload, number)).execution_options(populate_existing=True)
    ).one()


def complete(session: Session, upload: Upload, digest: str | None = None) -> Upload:
    """Ends the upload; one that is complete stays as it is.

    Raises:
        Conflict: parts are missing, or the parts are not those that ``digest`` names.
    """
    _lock(session, upload)
    parts = list(session.scalars(select(UploadPart).where(UploadPart.upload_id == upload.id)))
    missing = missing_parts(upload, parts)
    if missing:
        shown = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
        raise Conflict("parts_missing", f"Upload {upload.id} lacks {len(missing)} parts: {shown}.")
    found = tree_digest(part.sha256 for part in sorted(parts, key=lambda part: part.number))
    if digest is not None and digest != found:
        raise Conflict("digest_mismatch", f"The parts of {upload.id} have the digest {found}, not {digest}.")
    if upload.status == OPEN:
        upload.status, upload.digest, upload.completed_at = COMPLETE, found, now(session)
    return upload


def missing_parts(upload: Upload, parts: Iterable[UploadPart]) -> list[int]:
    """The numbers of the parts that have not come."""
    come = {part.number for part in parts}
    return [number for number in range(1, part_count(upload.bytes, upload.part_bytes) + 1) if number not in come]


def tree_digest(digests: Iterable[str]) -> str:
    """The sha256 over the parts' digests, each as its 32 bytes, in order."""
    return hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hexdigest()


def read(files: Files, parts: Iterable[UploadPart], start: int, end: int) -> Iterator[bytes]:
    """The bytes of an upload from ``start`` to ``end``, which is not included."""
    at = 0
    for part in parts:
        first, last = max(start - at, 0), min(end - at, part.bytes)
        if first < last:
            yield from files.open(part.key, first, last)
        at += part.bytes


def delete(session: Session, upload: Upload) -> None:
    """Forgets an upload; files go when nothing else refers to them."""
    _lock(session, upload)
    garbage.bury(session, [part.key for part in upload.parts])
    session.delete(upload)
    session.flush()


def expire(session: Session) -> int:
    """Forgets a batch of the uploads that were not complete in time and returns how many."""
    late = Upload.status == literal_column(f"'{OPEN}'"), Upload.expires_at < now(session)
    found = session.scalars(select(Upload).where(*late).limit(BATCH)).all()
    for upload in found:
        delete(session, upload)
    return len(found)


def _lock(session: Session, upload: Upload) -> None:
    session.refresh(upload, with_for_update={"key_share": True})


def _place(upload: Upload, number: int) -> ColumnElement[bool]:
    return (UploadPart.upload_id == upload.id) & (UploadPart.number == number)
