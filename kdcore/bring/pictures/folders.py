"""What the folders of a dataset say: which split a picture belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from kdcore.errors import EngineError
from kdcore.spec.cards import SplitName

_NAMES: Final[dict[str, SplitName]] = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
_YEAR: Final = re.compile(r"[-_ ]?(19|20)\d\d$")


def split_named(name: str) -> SplitName | None:
    """The split that a word means, whatever its case: ``train``, ``val2017``, ``Testing``; None for other words."""
    return _NAMES.get(_YEAR.sub("", name.strip().lower()))


def split_of(name: str) -> SplitName | None:
    """The split that a file's folders name; the innermost of them counts."""
    return next((split for part in reversed(name.split("/")[:-1]) if (split := split_named(part))), None)


def tops_are_splits(names: Iterable[str]) -> bool:
    """Whether the outermost folders of all files are splits.

    Raises:
        EngineError: ``invalid_data``, when some are and others are not.
    """
    tops = {name.partition("/")[0] for name in names if "/" in name}
    named = {top for top in tops if split_named(top)}
    if "train" in {split_named(top) for top in named} and named != tops:
        message = (
            f"folder {min(tops - named)!r} lies beside {min(named)!r}: "
            "bring class folders alone, or train, validation and test with class folders in them"
        )
        raise EngineError("invalid_data", message, "/source")
    return bool(tops) and named == tops
