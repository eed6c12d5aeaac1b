"""Every network that a job can name, in groups: a module each, imported when one of its networks is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from torch import nn

from kdcore.models.family import Family
from kdcore.spec.catalogue import UnknownArchitecture, nearest

GROUPS = {
    "detection": "kdcore.models.detectors.families",
    "pictures": "kdcore.models.pictures",
    "texts": "kdcore.models.texts",
    "generators": "kdcore.models.generators",
    "series": "kdcore.models.series",
    "table": "kdcore.models.table",
    "segmentation": "kdcore.models.segmentation",
    "torchvision": "kdcore.models.vision",
    "timm": "kdcore.models.timm_zoo",
}
"""Modules by group, each with a tuple ``FAMILIES``."""

LIBRARIES = ("detection", "torchvision")
"""Groups whose modules take seconds to import; all of their names begin with the group's."""


@cache
def families_of(group: str) -> tuple[Family, ...]:
    """The families of one group."""
    families: tuple[Family, ...] = import_module(GROUPS[group]).FAMILIES
    return families


@lru_cache(maxsize=1)
def families() -> tuple[Family, ...]:
    """Every family, our own first. Importing torchvision takes seconds: nothing else here needs it."""
    return tuple(family for group in GROUPS for family in families_of(group))


def family(name: str) -> Family:
    """The family that ``name`` belongs to.

    Raises:
        UnknownArchitecture: with the nearest names.
    """
    for group in _likely(name):
        for candidate in families_of(group):
            if candidate.owns(name):
                return candidate
    raise UnknownArchitecture(name, nearest(name))


def _likely(name: str) -> Iterator[str]:
    """Groups that may have ``name``: all but those of libraries that it does not begin with."""
    for group in GROUPS:
        if group not in LIBRARIES or name.startswith(f"{group}/"):
            yield group


def build(name: str, num_classes: int, **options: Any) -> nn.Module:
    """The network ``name`` with random weights from torch's global generator.

    Args:
        name: as in `kdcore.spec.catalogue.architectures`.
        num_classes: outputs of its last layer.
        options: those of the family, such as ``in_channels`` and ``width``; the defaults fill the rest.

    Raises:
        UnknownArchitecture: with the nearest names.
        BadOption: an unknown option or a value that it cannot have.
    """
    return family(name).made(name, num_classes, **options)
