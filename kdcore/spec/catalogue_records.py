"""The catalogue's files, one a group, each read once: families and networks by name, names like an unknown one."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("catalogues")
Record = Mapping[str, Any]

LIBRARIES = ("torchvision", "timm")
"""Groups of a library's networks, the better known first."""


class UnknownArchitecture(LookupError):
    """No architecture has this name; ``nearest`` lists the names most like it, of a library all that are known."""

    def __init__(self, name: str, nearest: list[str]) -> None:
        self.name, self.nearest = name, nearest
        library = name.partition("/")[0] + "/"
        known = [listed.removeprefix(library) for listed in _names() if listed.startswith(library)]
        more = f"; of {library[:-1]} these are known: {', '.join(known)}" if known else ""
        super().__init__(f"no architecture {name!r}; nearest: {', '.join(nearest)}{more}")


@cache
def groups() -> tuple[str, ...]:
    """The groups of networks, our own by name, then those of libraries."""
    found = {path.stem for path in FOLDER.glob("*.json")}
    return (*sorted(found - set(LIBRARIES)), *(library for library in LIBRARIES if library in found))


@cache
def document(group: str) -> Record:
    """One group's file: ``families`` and ``networks``."""
    document: Record = json.loads((FOLDER / f"{group}.json").read_text(encoding="utf-8"))
    return document


def families() -> list[Record]:
    """Every family's record, in the order in which lists show them."""
    return [family for group in groups() for family in document(group)["families"]]


@lru_cache(maxsize=256)
def family_record(name: str) -> Record:
    """The record of a family that a network's record names."""
    return next(family for group in _likely(name) for family in document(group)["families"] if family["family"] == name)


def family_of(name: str) -> str:
    """The family that an architecture belongs to.

    Raises:
        UnknownArchitecture: with the nearest names.
    """
    return str(network_record(name)[0]["family"])


def nearest(name: str, count: int = 3) -> list[str]:
    """The listed names most like ``name``, best first; ``resnet18`` finds ``torchvision/resnet18``."""
    library, slash, _ = name.partition("/")
    names = [listed for listed in _names() if listed.startswith(library + slash)] if slash else _names()
    names = names or _names()
    same = [listed for listed in names if listed.rpartition("/")[2] == name.rpartition("/")[2].lower()]
    close = difflib.get_close_matches(name.lower(), names, n=count, cutoff=0.3)
    return list(dict.fromkeys(same + close + names))[:count]


def _names() -> list[str]:
    return [listed for family in families() for listed in family["names"]]


def network_record(name: str, options: Record | None = None) -> tuple[Record, int]:
    """The record of ``name`` built with ``options`` (any when None), and the blocks a stage that its name asks for.

    Raises:
        UnknownArchitecture: with the nearest names.
    """
    for network in (network for group in _likely(name) for network in document(group)["networks"]):
        repeats = _repeats(network, name)
        wanted = network.get("when", {})
        if repeats is not None and (options is None or all(options[key] == wanted[key] for key in wanted)):
            return network, repeats
    raise UnknownArchitecture(name, nearest(name))


def _likely(name: str) -> list[str]:
    """All groups, the one that ``name`` starts with first, so that the others need not be read."""
    prefix = name.partition("/")[0]
    return sorted(groups(), key=lambda group: group != prefix)


def _repeats(network: Record, name: str) -> int | None:
    if "depth" not in network:
        return 0 if network["name"] == name else None
    depth = re.fullmatch(re.escape(network["name"]).replace(r"\*", "([1-9][0-9]{0,2})"), name)
    if depth is None:
        return None
    rule = network["depth"]
    blocks, rest = divmod(int(depth[1]) - rule["plus"], rule["times"])
    return blocks if rest == 0 and blocks >= 1 and int(depth[1]) <= rule["max"] else None
