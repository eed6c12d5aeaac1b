"""How much room is left where this machine writes."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from store.settings import Settings


def free_bytes(settings: Settings) -> int | None:
    """Bytes free on the fullest of the disks that database, files and work are on; None where none is written to."""
    return min((shutil.disk_usage(folder).free for folder in _folders(settings)), default=None)


def short_of(settings: Settings, wanted: int = 0) -> int | None:
    """Free bytes, when fewer would be left than ``disk_free_bytes`` after ``wanted`` more were written; else None."""
    free = free_bytes(settings)
    return free if free is not None and free - wanted < settings.disk_free_bytes else None


def _folders(settings: Settings) -> list[Path]:
    """Folders that exist, or will below one that does."""
    paths = [settings.home]
    files = urlsplit(settings.files_url)
    if files.scheme == "file":
        paths.append(Path(unquote(files.path)))
    return [next(folder for folder in (path, *path.parents) if folder.exists()) for path in paths]
