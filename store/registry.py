"""The registry of what users bring: named, versioned, listed, changed and forgotten, on the shelf of its kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defer

from store import cursors, inputs, shelves
from store.database import now
from store.errors import Conflict, NotFound
from store.ids import is_id, new_id
from store.inputs import Input
from store.models import FileRole, Job, Project, Thing, ThingVersion, VersionStatus
from store.shelves import F, Shelf, T, V

VERSIONS_MAX = 10_000
NAMED = 3
"""Jobs that a refusal names."""
_LAST_CHARACTER = "\U0010ffff"


def create(
    session: Session,
    shelf: Shelf[T, V, F],
    project_id: str,
    name: str,
    *,
    description: str = "",
    licence: str | None = None,
    most: int,
) -> T:
    """A new thing without versions; ``most`` is how many the project may have.

    Raises:
        Conflict: the name is taken, or the project has as many as it may.
    """
    session.scalars(select(Project.id).where(Project.id == project_id).with_for_update(key_share=True)).one()
    mine = select(func.count()).select_from(shelf.thing).where(shelf.thing.project_id == project_id)
    if session.scalars(mine).one() >= most:
        things = f"{shelf.subject}s"
        raise Conflict(f"too_many_{things}", f"The project has {most} {things}, which is all that it may; delete some.")
    thing = shelf.thing(
        id=new_id(shelf.prefix),
        project_id=project_id,
        name=name,
        name_key=name.lower(),
        description=description,
        licence=licence,
        status=VersionStatus.VALIDATING,
        versions=0,
        version=1,
        created_at=now(session),
    )
    with _name_is_free(session, shelf, name):
        session.add(thing)
    return thing


def add_version(
    session: Session,
    shelf: Shelf[T, V, F],
    thing: T,
    job: Job,
    options: Mapping[str, Any],
    source: Mapping[str, Any],
    **own: Any,
) -> V:
    """The next version of a thing, which ``job`` inspects.

    Args:
        own: columns that only versions of this kind have.

    Raises:
        Conflict: it has had as many as it may.
    """
    hold(session, thing)
    if thing.versions >= VERSIONS_MAX:
        what = shelf.subject
        raise Conflict("too_many_versions", f"A {what} has {VERSIONS_MAX} versions at most; create another {what}.")
    thing.versions, thing.status, thing.version = thing.versions + 1, VersionStatus.VALIDATING, thing.version + 1
    version = shelf.version(
        thing_id=thing.id,
        number=thing.versions,
        status=VersionStatus.VALIDATING,
        job_id=job.id,
        options=dict(options),
        source=dict(source),
        created_at=now(session),
        **own,
    )
    session.add(version)
    session.flush()
    return version


def get_thing(session: Session, shelf: Shelf[T, V, F], project_id: str, thing_id: str) -> T:
    """The thing.

    Raises:
        NotFound: there is none of that id in the project.
    """
    thing = session.get(shelf.thing, thing_id) if is_id(shelf.prefix, thing_id) else None
    if thing is None or thing.project_id != project_id:
        raise NotFound(shelf.subject, thing_id)
    return thing


def list_things(
    session: Session,
    shelf: Shelf[T, V, F],
    project_id: str,
    *,
    limit: int = 20,
    after: str | None = None,
    task: str | None = None,
    status: str | None = None,
    q: str | None = None,
) -> cursors.Page[T]:
    """A project's things, the newest first.

    Args:
        task: of the latest ready version.
        status: of the newest version.
        q: the beginning of an id or of a name, in any case.

    Raises:
        Invalid: a cursor or limit that cannot be used.
    """
    thing = shelf.thing
    query = select(thing).where(thing.project_id == project_id)
    asked = {thing.task: task, thing.status: status}
    query = query.where(*(column == value for column, value in asked.items() if value is not None))
    if q:
        column, start = (thing.id, q) if q.startswith(f"{shelf.prefix}_") else (thing.name_key, q.lower())
        query = query.where(column >= start, column < start + _LAST_CHARACTER)
    return cursors.walk(session, query, thing.created_at, thing.id, prefix=shelf.prefix, limit=limit, after=after)


def change_thing(session: Session, shelf: Shelf[T, V, F], thing: T, changes: Mapping[str, Any]) -> T:
    """Gives the thing another name, description or licence.

    Raises:
        Conflict: the name is taken.
    """
    hold(session, thing)
    if all(getattr(thing, field) == value for field, value in changes.items()):
        return thing
    with _name_is_free(session, shelf, changes.get("name", thing.name)):
        for field, value in changes.items():
            setattr(thing, field, value)
        thing.name_key, thing.version = thing.name.lower(), thing.version + 1
    return thing


def versions(session: Session, shelf: Shelf[T, V, F], thing: T) -> Sequence[V]:
    """The versions of a thing, the newest first."""
    mine = shelves.rows_of(shelf.version, thing.id)
    return session.scalars(select(shelf.version).where(*mine).order_by(shelf.version.number.desc())).all()


def latest(session: Session, shelf: Shelf[T, V, F], things: Sequence[T]) -> dict[str, V]:
    """The latest ready version of each thing that has one, by the thing's id; their reports stay where they are."""
    version = shelf.version
    numbers = [(thing.id, thing.latest) for thing in things if thing.latest is not None]
    query = select(version).where(tuple_(version.thing_id, version.number).in_(numbers))
    spared = defer(version.report), defer(version.options)
    return {one.thing_id: one for one in session.scalars(query.options(*spared))} if numbers else {}


def get_version(session: Session, shelf: Shelf[T, V, F], thing: T, number: int) -> V:
    """One version.

    Raises:
        NotFound: the thing has none of that number.
    """
    found = session.get(shelf.version, (thing.id, number))
    if found is None:
        raise NotFound("version", f"{number} of {thing.id}")
    return found


def files(session: Session, shelf: Shelf[T, V, F], version: V) -> Sequence[F]:
    """The files of a version by their paths."""
    mine = shelves.rows_of(shelf.file, version.thing_id, version.number)
    return session.scalars(select(shelf.file).where(*mine).order_by(shelf.file.path)).all()


def get_file(session: Session, shelf: Shelf[T, V, F], version: V, path: str) -> F:
    """One file of a version.

    Raises:
        NotFound: the version has none of that path.
    """
    sound = len(path) <= 400 and "\0" not in path
    found = session.get(shelf.file, (version.thing_id, version.number, path)) if sound else None
    if found is None:
        raise NotFound("file", path)
    return found


def origin(version: ThingVersion) -> str:
    """What inputs of jobs say that they came from."""
    return f"{version.thing_id}/{version.number}"


def inputs_of(session: Session, shelf: Shelf[T, V, F], version: V, folder: str) -> list[Input]:
    """The files of a ready version as files of a job below ``folder``; the thing's row is held meanwhile.

    Raises:
        Conflict: the thing is being deleted.
    """
    held = select(shelf.thing.id).where(shelf.thing.id == version.thing_id).with_for_update(read=True)
    if session.scalars(held).one_or_none() is None:
        which = f"{shelf.subject.capitalize()} {version.thing_id}"
        raise Conflict(f"{shelf.subject}_gone", f"{which} is gone; choose another one.")
    return [
        Input(f"{folder}/{file.path}", 1, file.key, file.sha256, file.bytes, origin(version))
        for file in files(session, shelf, version)
        if file.role in (FileRole.PACK, FileRole.CARD)
    ]


def delete_version(session: Session, shelf: Shelf[T, V, F], thing: T, number: int) -> None:
    """Forgets a version with its files.

    Raises:
        NotFound: the thing has none of that number.
        Conflict: it is the only one, or a job that has not ended uses it.
    """
    remove(session, shelf, removable(session, shelf, thing, number))


def removable(session: Session, shelf: Shelf[T, V, F], thing: T, number: int) -> V:
    """A version that is not the only one; its thing is held.

    Raises:
        NotFound: the thing has none of that number.
        Conflict: it is the only one.
    """
    hold(session, thing)
    version = get_version(session, shelf, thing, number)
    if len(versions(session, shelf, thing)) == 1:
        which, what = f"{shelf.subject} {thing.id}", shelf.subject
        raise Conflict("last_version", f"Version {number} is all that {which} has; delete the {what}.")
    return version


def remove(session: Session, shelf: Shelf[T, V, F], version: V) -> None:
    """Forgets a version of a thing that is held.

    Raises:
        Conflict: a job that has not ended uses it.
    """
    _let_go(session, shelf, [version])
    shelves.forget(session, shelf, version.thing_id, version.number)
    shelves.restate(session, shelf, version.thing_id)


def delete_thing(session: Session, shelf: Shelf[T, V, F], thing: T) -> None:
    """Forgets a thing with all its versions and their files.

    Raises:
        Conflict: a job that has not ended uses it.
    """
    hold(session, thing)
    _let_go(session, shelf, versions(session, shelf, thing))
    shelves.forget(session, shelf, thing.id)
    session.expunge(thing)


def hold(session: Session, thing: Thing) -> None:
    """Nobody else changes the thing or its versions until the end of the transaction."""
    session.refresh(thing, with_for_update={"key_share": True})


def _let_go(session: Session, shelf: Shelf[T, V, F], found: Sequence[V]) -> None:
    for version in found:
        users = inputs.users(session, origin(version), NAMED)
        if version.status == VersionStatus.VALIDATING:
            users = [version.job_id, *users]
        if users:
            which = f"Version {version.number} of {shelf.subject} {version.thing_id}"
            message = f"{which} is used by {', '.join(users)}; wait for the end, or cancel first."
            raise Conflict(f"{shelf.subject}_in_use", message)
    for version in found:
        inputs.release(session, origin=origin(version))


@contextmanager
def _name_is_free(session: Session, shelf: Shelf[T, V, F], name: str) -> Iterator[None]:
    try:
        with session.begin_nested():
            yield
    except IntegrityError:
        message = f"There is a {shelf.subject} {name!r} already; add a version to it."
        raise Conflict("name_taken", message) from None
