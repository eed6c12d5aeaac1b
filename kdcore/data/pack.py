"""A pack: a dataset as the engine reads it, one folder of plain arrays that was checked when it was made.

```
dataset.json               the card (kdcore.spec.cards.DatasetCard)
<split>/inputs.npy         [N, *input shape]: uint8 pictures, float32 series and tables, int32 token ids
<split>/targets.npy        [N] int64 classes; [N, K] float32 labels or values; [N, H, W] uint8 masks; [N, M, 5] float32
                           boxes (class, x1, y1, x2, y2 in pixels; class -1 fills up); [N, T] int32 next tokens
<split>/names.txt          a line for each example: what it was called where it came from
<split>/groups.npy         [N] int64, only where the card says ``grouped``
<split>/references.jsonl   for generation: {"source": ..., "references": [...]} for each example
tokenizer.json             where the input is tokens
features.json              of a table: how each column becomes channels
report.json, preview/      what the inspection found, and a few examples to look at; no part of the content
```
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from kdcore.errors import EngineError
from kdcore.files import sha256_of, write_json
from kdcore.spec.cards import DatasetCard, FileCard, SplitName

CARD = "dataset.json"
INPUTS, TARGETS, GROUPS, NAMES, REFERENCES = "inputs.npy", "targets.npy", "groups.npy", "names.txt", "references.jsonl"
REPORT, PREVIEW = "report.json", "preview"
FEATURES, TOKENIZER = "features.json", "tokenizer.json"

Array = NDArray[Any]


@dataclass(frozen=True)
class Split:
    """The arrays of one split, as at the top of this file.

    Attributes:
        names: one for each example; may be empty.
        references: texts of generation, one record for each example; else empty.
    """

    inputs: Array
    targets: Array
    names: Sequence[str] = ()
    groups: Array | None = None
    references: Sequence[Mapping[str, Any]] = field(default=())


def write_split(folder: Path, name: SplitName, split: Split) -> None:
    """Put a split's arrays into its folder of the pack; mapped ones lie there already."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    for file, array in ((INPUTS, split.inputs), (TARGETS, split.targets)):
        if not (isinstance(array, np.memmap) and (place / file).exists()):
            np.save(place / file, array)
    if split.groups is not None:
        np.save(place / GROUPS, split.groups)
    if split.names:
        (place / NAMES).write_text("\n".join(map(_one_line, split.names)) + "\n", encoding="utf-8")
    if split.references:
        lines = (json.dumps(dict(record), ensure_ascii=False) for record in split.references)
        (place / REFERENCES).write_text("\n".join(lines) + "\n", encoding="utf-8")


def seal(folder: Path, card: Mapping[str, Any]) -> DatasetCard:
    """Finish a pack: list its files, take its digest, and write the card.

    Args:
        card: the card's fields but ``files`` and ``sha256``.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CARD)
    files = tuple(
        FileCard(path=path.relative_to(folder).as_posix(), sha256=sha256_of(path), bytes=path.stat().st_size)
        for path in found
    )
    digest = hashlib.sha256(json.dumps([list(card["target"]["classes"]), card["task"]]).encode())
    for file in files:
        if not (file.path.endswith(NAMES) or file.path == REPORT or file.path.startswith(f"{PREVIEW}/")):
            digest.update(f"{file.path}\0{file.sha256}\n".encode())
    sealed = DatasetCard.model_validate({**card, "files": files, "sha256": digest.hexdigest()})
    write_json(folder / CARD, sealed.model_dump(mode="json"))
    return sealed


def read_card(folder: Path) -> DatasetCard:
    """The card of a pack.

    Raises:
        EngineError: ``invalid_data``, when there is none or it cannot be read.
    """
    try:
        return DatasetCard.model_validate_json((folder / CARD).read_bytes())
    except (OSError, ValidationError) as error:
        first = str(error).splitlines()[0]
        message = f"no dataset in {str(folder)!r} ({first}): make one with 'python -m kdcore.bring'"
        raise EngineError("invalid_data", message, "/dataset/path") from None


def read_split(folder: Path, name: SplitName) -> Split:
    """The arrays of a split, mapped into memory.

    Raises:
        EngineError: ``invalid_data``, when a file is missing or damaged.
    """
    place = folder / name
    try:
        inputs, targets = np.load(place / INPUTS, mmap_mode="r"), np.load(place / TARGETS)
        groups = np.load(place / GROUPS) if (place / GROUPS).exists() else None
        names = _lines(place / NAMES)
        references = [json.loads(line) for line in _lines(place / REFERENCES)]
    except (OSError, ValueError, EOFError) as error:
        raise EngineError("invalid_data", f"split {name} of {str(folder)!r}: {error}", "/dataset") from error
    if len(inputs) != len(targets):
        message = f"split {name} of {str(folder)!r} has {len(inputs)} inputs and {len(targets)} targets"
        raise EngineError("invalid_data", message, "/dataset")
    return Split(inputs, targets, names, groups, references)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []


def _one_line(name: str) -> str:
    return " ".join(name.splitlines()) or "-"
