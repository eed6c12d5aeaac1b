"""The files of a model that somebody brings: the one that is meant, no larger than allowed, and the sealed result."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kdcore.bring.caps import Caps
from kdcore.errors import EngineError
from kdcore.files import sha256_of, write_json
from kdcore.spec.caching import size_of
from kdcore.spec.cards import FileCard, ModelCard

CARD = "model.json"
SOURCE = "/source"


def refused(item: str, what: str) -> EngineError:
    """A brought file that is not taken: its name, what is wrong, and the remedy."""
    return EngineError("invalid_data", f"{item}: {what}", SOURCE)


def chosen(source: Path, named: str | None, suffixes: Collection[str], caps: Caps) -> Path:
    """The file that is meant.

    Args:
        source: a file, or a folder that holds it.
        named: its path within the folder, where the user says.
        suffixes: that it may have.

    Raises:
        EngineError: ``invalid_data``: none, several, one outside the folder, of another kind, or too large.
    """
    found = source if source.is_file() else _within(source, named, suffixes)
    if found.suffix.lower() not in suffixes:
        raise refused(found.name, f"is none of {', '.join(sorted(suffixes))}: only these are opened")
    size = found.stat().st_size
    if size > caps.model_bytes:
        raise refused(found.name, f"has {size_of(size)}, and {size_of(caps.model_bytes)} are allowed")
    return found


def _within(folder: Path, named: str | None, suffixes: Collection[str]) -> Path:
    if named is not None:
        path = (folder / named).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            raise refused(named, "is no file of what was brought")
        return path
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    fitting = [path for path in files if path.suffix.lower() in suffixes]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(path.relative_to(folder).as_posix() for path in (fitting or files)[:8]) or "nothing"
    if fitting:
        raise refused(names, "several files would do: name one with 'file'")
    raise refused(names, f"none of {', '.join(sorted(suffixes))} is among what was brought")


@contextmanager
def memory_at_most(more: int) -> Iterator[None]:
    """A stretch in which this process may take ``more`` bytes beside what it has; a larger wish fails at once."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:  # no such file system: nothing to measure by
        yield
        return
    wanted = pages * resource.getpagesize() + more
    hard = limits[1]
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def seal(folder: Path, card: Mapping[str, Any]) -> ModelCard:
    """Finish a model's folder: list its files, take their digest, and write the card.

    Args:
        card: the card's fields but ``files`` and ``sha256``.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CARD)
    files = tuple(
        FileCard(path=path.relative_to(folder).as_posix(), sha256=sha256_of(path), bytes=path.stat().st_size)
        for path in found
    )
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.path}\0{file.sha256}\n".encode())
    sealed = ModelCard.model_validate({**card, "files": files, "sha256": digest.hexdigest()})
    write_json(folder / CARD, sealed.model_dump(mode="json"))
    return sealed
