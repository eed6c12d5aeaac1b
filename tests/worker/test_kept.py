"""Kept outputs of all projects together stay within their bound, and what an engine uses stays."""

from __future__ import annotations

import os
from pathlib import Path

from kdcore.train.cache.entry import Entry
from worker.kept import trim


def entry(root: Path, project: str, name: str, size: int, used: float) -> Path:
    """An entry as the engine makes it."""
    held = Entry.hold(root / project / name)
    (held.path / "0.bin").write_bytes(b"x" * size)
    (held.path / "manifest.json").write_bytes(b"")
    held.close()
    os.utime(held.path / "lock", (used, used))
    return held.path


def left(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("*/*") if path.is_dir())


def test_the_least_recently_used_go_first_whosever_they_are(tmp_path: Path) -> None:
    entry(tmp_path, "a", "old", 100, used=1)
    entry(tmp_path, "b", "older", 100, used=0)
    entry(tmp_path, "a", "new", 100, used=2)
    assert trim(tmp_path, 300) == 0
    assert trim(tmp_path, 250) == 100
    assert left(tmp_path) == ["new", "old"]
    assert trim(tmp_path, 0) == 200
    assert left(tmp_path) == []
    assert trim(tmp_path / "none", 0) == 0


def test_what_an_engine_uses_stays_and_an_engine_finds_its_place_empty_afterwards(tmp_path: Path) -> None:
    path = entry(tmp_path, "a", "used", 100, used=0)
    entry(tmp_path, "a", "idle", 100, used=1)
    reader = Entry.hold(path)
    reader.share()
    assert trim(tmp_path, 0) == 100
    assert left(tmp_path) == ["used"]
    assert reader.is_current()
    reader.close()
    assert trim(tmp_path, 0) == 100
    again = Entry.hold(path)
    assert again.alone
    assert not (path / "0.bin").exists()
    again.close()
