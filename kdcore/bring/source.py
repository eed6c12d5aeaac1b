"""From what a user uploaded, a file or a folder of files, to one tree of names, with archives opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kdcore.bring.archive import Budget, is_archive, unpack
from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.steps import Steps
from kdcore.bring.tree import Tree, plain_files, without_wrapping
from kdcore.errors import EngineError


@dataclass(frozen=True)
class _Part:
    """A folder whose files get a prefix in the tree."""

    base: Path
    prefix: str
    names: tuple[str, ...]


def open_source(source: Path, scratch: Path, caps: Caps, found: Findings, steps: Steps) -> Tree:
    """All plain files of a dataset; archives are unpacked under ``scratch``, but none that lie in archives.

    Where several files were uploaded, each archive keeps the one folder that it consists of, or gets one named after
    it: ``images.zip`` beside ``labels.csv`` becomes ``images/...``. Folders around everything are taken off.

    Raises:
        EngineError: ``invalid_data``, when there is nothing, or an archive is refused.
    """
    names = [source.name] if source.is_file() else list(_within(plain_files(source), caps))
    base = source.parent if source.is_file() else source
    archives = sorted(name for name in names if is_archive(name))
    loose = tuple(name for name in names if not is_archive(name))
    steps.begin("unpack", sum((base / name).stat().st_size for name in archives))
    budget = Budget(caps)
    parts = [_Part(base, "", loose)]
    for place, name in enumerate(archives):
        folder = scratch / f"unpacked-{place}"
        unpack(base / name, folder, budget, found, steps)
        parts.append(_part(folder, name, alone=len(names) == 1))
    return _tree(parts)


def _part(folder: Path, archive: str, *, alone: bool) -> _Part:
    names = tuple(plain_files(folder))
    tops = {name.partition("/")[0] for name in names}
    has_own = len(tops) == 1 and all("/" in name for name in names)
    above, _, file = archive.rpartition("/")
    prefix = f"{above}/" if above else ""
    return _Part(folder, prefix if alone or has_own else f"{prefix}{_stem(file)}/", names)


def _stem(name: str) -> str:
    stem = name.rpartition(".")[0]
    return stem.removesuffix(".tar") or name


def _within(names: Iterator[str], caps: Caps) -> Iterator[str]:
    for count, name in enumerate(names):
        if count >= caps.members:
            raise EngineError("invalid_data", f"more than {caps.members} files: bring fewer", "/source")
        if any(0xD800 <= ord(character) < 0xE000 for character in name):
            raise EngineError("invalid_data", f"the name {name!r} is not UTF-8: rename the file", "/source")
        yield name


def _tree(parts: list[_Part]) -> Tree:
    whose: dict[str, int] = {}
    for number, part in enumerate(parts):
        for name in part.names:
            full = part.prefix + name
            if full in whose:
                raise EngineError("invalid_data", f"{full!r} comes from two archives: rename one", "/source")
            whose[full] = number
    if not whose:
        raise EngineError("invalid_data", "there are no files in what was brought: upload some", "/source")
    wrapping = without_wrapping(whose)

    def where(name: str) -> Path:
        part = parts[whose[wrapping + name]]
        return part.base / (wrapping + name)[len(part.prefix) :]

    return Tree.of((name[len(wrapping) :] for name in whose), where)
