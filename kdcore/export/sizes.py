"""A delivered file or folder as one thing: its size, its digest, and its end."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from kdcore.files import sha256_of

CARD = "README.md"


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder but its card."""
    return sum(file.stat().st_size for file in _files(path))


def digest_of(path: Path) -> str:
    """SHA-256 of a file; of a folder that of its files' lines as ``sha256sum`` writes them, by name.

    The card is no part of either: it tells of the files, and so comes after them.
    """
    if path.is_file():
        return sha256_of(path)
    lines = [f"{sha256_of(file)}  {file.relative_to(path).as_posix()}\n" for file in _files(path)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def remove(path: Path) -> None:
    """Take away what was written at ``path``; nothing where there is nothing."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and file != path / CARD)
