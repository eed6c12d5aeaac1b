"""Texts as they are read, put on disk so that memory does not grow with the file, and read again from anywhere."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kdcore.bring.cutting import Places
from kdcore.bring.room import Array
from kdcore.bring.rows.spool import check_bytes
from kdcore.files import disk_full

Texts = list[str]
"""The texts of one example: one, or the two of a pair, or a source and its target."""


class TextSpool:
    """Texts of examples, in their order.

    Args:
        path: of a file in a scratch folder.
        most: bytes.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path, self._most = path, most
        self._file = path.open("w+b")
        self._starts, self._end = array("q"), 0
        self._digests = array("Q")

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, texts: Sequence[str]) -> None:
        """One more example.

        Raises:
            EngineError: ``invalid_data``, beyond the cap; ``disk_full``.
        """
        line = json.dumps(list(texts)).encode() + b"\n"
        self._starts.append(self._end)
        self._digests.append(int.from_bytes(hashlib.blake2b(line, digest_size=8).digest()))
        self._end += len(line)
        check_bytes(self._end, self._most)
        try:
            self._file.write(line)
        except OSError as error:
            raise disk_full(error, self._path) from error

    def __getitem__(self, place: int) -> Texts:
        """The texts of an example."""
        self._file.flush()
        self._file.seek(self._starts[place])
        found: Texts = json.loads(self._file.readline())
        self._file.seek(self._end)
        return found

    def at(self, places: Places | None = None) -> Iterator[Texts]:
        """The texts of examples in the order of the file; of all, or of those at ``places``, which rise."""
        self._file.flush()
        wanted = None if places is None else np.isin(np.arange(len(self)), places)
        with self._path.open("rb") as file:
            for place, line in enumerate(file):
                if wanted is None or wanted[place]:
                    yield json.loads(line)

    def digests(self) -> Array:
        """Eight bytes for each example, equal where its texts are: uint64 [N, 1]."""
        return np.array(self._digests, np.uint64)[:, None]
