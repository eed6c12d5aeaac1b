"""The catalogue's file, read once: families and networks by name, and the names nearest to an unknown one."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("catalogue.json")
Record = Mapping[str, Any]


class UnknownArchitecture(LookupError):
    """No architecture has this name; ``nearest`` lists the names most like it."""

    def __init__(self, name: str, nearest: list[str]) -> None:
        self.name, self.nearest = name, nearest
        super().__init__(f"no architecture {name!r}; nearest: {', '.join(nearest)}")


@lru_cache(maxsize=1)
def document() -> Record:
    """The whole file: ``families`` and ``networks``."""
    document: Record = json.loads(FILE.read_text(encoding="utf-8"))
    return document


def families() -> list[Record]:
    """Every family's record, in the order in which lists show them."""
    families: list[Record] = document()["families"]
    return families


@lru_cache(maxsize=64)
def family_record(name: str) -> Record:
    """The record of a family that a network's record names."""
    return next(family for family in families() if family["family"] == name)


def nearest(name: str, count: int = 3) -> list[str]:
    """The listed names most like ``name``, best first; ``resnet18`` finds ``torchvision/resnet18``."""
    names = [listed for family in families() for listed in family["names"]]
    same = [listed for listed in names if listed.rpartition("/")[2] == name.rpartition("/")[2].lower()]
    close = difflib.get_close_matches(name.lower(), names, n=count, cutoff=0.3)
    return list(dict.fromkeys(same + close + names))[:count]


def network_record(name: str, options: Record | None = None) -> tuple[Record, int]:
    """The record of ``name`` built with ``options`` (any when None), and the blocks a stage that its name asks for.

    Raises:
        UnknownArchitecture: with the nearest names.
    """
    for network in document()["networks"]:
        repeats = _repeats(network, name)
        wanted = network.get("when", {})
        if repeats is not None and (options is None or all(options[key] == wanted[key] for key in wanted)):
            return network, repeats
    raise UnknownArchitecture(name, nearest(name))


def _repeats(network: Record, name: str) -> int | None:
    if "depth" not in network:
        return 0 if network["name"] == name else None
    depth = re.fullmatch(re.escape(network["name"]).replace(r"\*", "([1-9][0-9]{0,2})"), name)
    if depth is None:
        return None
    rule = network["depth"]
    blocks, rest = divmod(int(depth[1]) - rule["plus"], rule["times"])
    return blocks if rest == 0 and blocks >= 1 and int(depth[1]) <= rule["max"] else None
