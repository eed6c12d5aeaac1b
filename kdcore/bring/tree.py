"""The files of a dataset by their names: what strangers wrote about paths is looked up here, never on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from kdcore.errors import EngineError

LITTER: Final = {"__macosx", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Tree:
    """Names, POSIX and relative, of plain files, and where they are.

    Attributes:
        names: sorted.
    """

    names: tuple[str, ...]
    _where: Callable[[str], Path]
    _known: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[str], where: Callable[[str], Path]) -> Tree:
        """A tree of names, and of what finds each one's file."""
        ordered = tuple(sorted(names))
        return cls(ordered, where, frozenset(ordered))

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def path(self, name: str) -> Path:
        """The file called ``name``, which must be one of ``names``.

        Raises:
            EngineError: ``invalid_data``, when there is none.
        """
        if name not in self._known:
            raise EngineError("invalid_data", f"no file {name!r} in the dataset", "/source")
        return self._where(name)

    def ending(self, *suffixes: str) -> list[str]:
        """The names that end so, in whatever case."""
        return [name for name in self.names if name.lower().endswith(suffixes)]

    def find(self, name: str) -> str | None:
        """The name that ``name`` means: itself, or the only one that ends with it; None for none or several."""
        wanted = normal(name)
        if wanted is None or wanted in self._known:
            return wanted
        namesakes = self._namesakes.get(wanted.rpartition("/")[2], [])
        close = [known for known in namesakes if known.endswith("/" + wanted)]
        return close[0] if len(close) == 1 else None

    @cached_property
    def _namesakes(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.names:
            found.setdefault(name.rpartition("/")[2], []).append(name)
        return found

    def only(self, what: str, *suffixes: str) -> str:
        """The one name that ends so.

        Raises:
            EngineError: ``invalid_data``, when there are none or several; ``what`` says what was looked for.
        """
        found = self.ending(*suffixes)
        if len(found) == 1:
            return found[0]
        listed = f": {', '.join(found[:5])}" if found else ""
        raise EngineError("invalid_data", f"{len(found)} files could be {what}{listed}: name one", "/source")


def normal(name: str) -> str | None:
    """A path as somebody wrote it, in our spelling; None when it leaves the dataset."""
    parts = [part for part in name.strip().replace("\\", "/").split("/") if part not in {"", "."}]
    if ".." in parts or not parts:
        return None
    return "/".join(parts)


def plain_files(folder: Path) -> Iterator[str]:
    """Names of the plain files under a folder, without links, hidden files and what systems leave behind."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_litter(name)]
        inner = PurePosixPath(Path(place).relative_to(folder).as_posix())
        for name in files:
            path = os.path.join(place, name)
            if not is_litter(name) and os.path.isfile(path) and not os.path.islink(path):
                yield str(inner / name)


def is_litter(name: str) -> bool:
    """Whether a file or folder is hidden or was left by a system, and belongs to no dataset."""
    return name.startswith(".") or name.lower() in LITTER


def without_wrapping(names: Iterable[str]) -> str:
    """The folders, with a slash behind them, that all names lie in; empty where there are none.

    A folder that means something to a reader (``train``) is not taken away when it is the only one: see ``KEPT``.
    """
    listed = list(names)
    if not listed:
        return ""
    first, last = (name.split("/")[:-1] for name in (min(listed), max(listed)))
    kept: list[str] = []
    for part, other in zip(first, last, strict=False):
        if part != other or part.lower() in KEPT:
            break
        kept.append(part)
    return "".join(f"{part}/" for part in kept)


KEPT: Final = {
    "train", "training", "val", "valid", "validation", "dev", "test", "testing",
    "images", "labels", "masks", "annotations", "jpegimages", "imagesets",
}  # fmt: skip
"""Names of folders that say something."""
