"""What a member of an archive may be called and may cost; counted as it is unpacked, since headers lie."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Final, NoReturn

from kdcore.bring.caps import Caps
from kdcore.bring.steps import Steps
from kdcore.bring.tree import is_litter
from kdcore.errors import EngineError
from kdcore.files import disk_full

CHUNK: Final = 1 << 16
FREE: Final = 10**6
"""Bytes that may be unpacked before ratios count."""

LONGEST_PART, LONGEST_NAME, DEEPEST = 200, 1000, 32


class BadMember(EngineError):
    """An archive that is refused because of one of its members."""

    def __init__(self, archive: str, member: str, fault: str) -> None:
        super().__init__("invalid_data", f"{archive}: member {member!r} {fault}", "/source")


def safe_name(name: str) -> str:
    """A member's name in our spelling: relative, with slashes, without dots, in Unicode's composed form.

    Raises:
        ValueError: what is wrong with it, as the end of a sentence.
    """
    if any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in name):
        raise ValueError("has control characters, or is not UTF-8: rename it")
    spelt = unicodedata.normalize("NFC", name.replace("\\", "/"))
    if spelt.startswith("/") or (len(spelt) > 1 and spelt[1] == ":"):
        raise ValueError("has an absolute path: pack the folder, not the disk")
    parts = [part for part in spelt.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise ValueError("leaves its folder by '..': pack the folder itself")
    if not parts:
        raise ValueError("has no name")
    if len(parts) > DEEPEST or len(spelt) > LONGEST_NAME or any(len(part.encode()) > LONGEST_PART for part in parts):
        raise ValueError(f"has a name that is too long ({len(spelt)} characters) or lies too deep: rename it")
    return "/".join(parts)


class Budget:
    """What unpacking has cost so far, over all archives of a dataset."""

    def __init__(self, caps: Caps) -> None:
        self.caps, self.members, self.bytes = caps, 0, 0


class Shelf:
    """The folder that one archive is unpacked into: takes members, and refuses the archive by a bad one.

    Args:
        archive: the archive's file.
        folder: where its members go; new and empty, so that no path in it can be a link.
        budget: shared with other archives of the dataset.
        steps: asked to stop while large members are written.
    """

    def __init__(self, archive: Path, folder: Path, budget: Budget, steps: Steps) -> None:
        self.archive, self.folder, self.budget, self.steps = archive.name, folder, budget, steps
        self.packed = archive.stat().st_size
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._bytes = 0
        folder.mkdir(parents=True)

    def refuse(self, member: str, fault: str) -> NoReturn:
        """Refuse the archive.

        Raises:
            BadMember: always.
        """
        raise BadMember(self.archive, member, fault)

    def enter(self, member: str, *, is_folder: bool = False) -> str | None:
        """Count a member and judge its name; the name to write it to, or None where nothing is written.

        Raises:
            BadMember: for its name, for a name that comes twice, for too many members.
        """
        self.budget.members += 1
        if self.budget.members > self.budget.caps.members:
            self.refuse(member, f"is one too many, allowed are {self.budget.caps.members}: pack fewer files")
        try:
            name = safe_name(member)
        except ValueError as error:
            self.refuse(member, str(error))
        above = [name[:place] for place, character in enumerate(name) if character == "/"]
        twice = name in self._files or not self._files.isdisjoint(above) or (name in self._folders and not is_folder)
        if twice:
            self.refuse(member, "comes twice, or as a file and a folder: keep one")
        self._folders.update(above)
        if is_folder:
            self._folders.add(name)
            return None
        self._files.add(name)
        return None if any(map(is_litter, name.split("/"))) else name

    def spend(self, member: str, count: int, written: int, packed: int) -> None:
        """Count ``count`` unpacked bytes more of a member of ``written`` so far, read from ``packed`` bytes.

        Raises:
            BadMember: when it is too large, or too many times larger than it was.
        """
        caps = self.budget.caps
        self.budget.bytes += count
        self._bytes += count
        if self.budget.bytes > caps.unpacked_bytes:
            self.refuse(member, f"makes more than the {caps.unpacked_bytes} bytes allowed in all: bring less")
        for unpacked, size in ((written, min(packed, self.packed)), (self._bytes, self.packed)):
            if unpacked > FREE and unpacked > caps.ratio * max(size, 1):
                self.refuse(
                    member, f"unpacks to more than {caps.ratio:g} times its size: pack it anew, or less tightly"
                )

    def open(self, name: str) -> int:
        """A descriptor of a new file for a member."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)

    def full(self, error: OSError) -> Exception:
        """What to raise when a member cannot be written."""
        return disk_full(error, self.folder)
