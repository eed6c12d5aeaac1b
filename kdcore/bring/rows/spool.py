"""Spools: rows of numbers as they are read, put on disk so that memory does not grow with the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from kdcore.bring.caps import Caps
from kdcore.bring.room import Array
from kdcore.errors import EngineError
from kdcore.files import disk_full


class Spool:
    """Rows [N, width] in a file.

    Args:
        path: of the file, in a scratch folder.
        width: columns of a row.

    Raises:
        EngineError: ``invalid_data`` beyond the cap on a dataset's arrays; ``disk_full``.
    """

    def __init__(self, path: Path, width: int, dtype: DTypeLike, caps: Caps) -> None:
        self._path, self._width, self._dtype, self._most = path, width, np.dtype(dtype), caps.pack_bytes
        self._file = path.open("wb")
        self._bytes = 0

    def add(self, rows: Array) -> None:
        """More rows, [n, width]."""
        data = np.ascontiguousarray(rows, dtype=self._dtype).tobytes()
        self._bytes += len(data)
        check_bytes(self._bytes, self._most)
        try:
            self._file.write(data)
        except OSError as error:
            raise disk_full(error, self._path) from error

    def rows(self) -> Array:
        """All rows [N, width], mapped into memory; nothing is added any more."""
        self._file.close()
        shape = (self._bytes // (self._dtype.itemsize * self._width), self._width)
        if not shape[0]:
            return np.zeros(shape, self._dtype)
        return np.memmap(self._path, self._dtype, "r", shape=shape)


def check_bytes(size: int, most: int) -> None:
    """Hold the size of arrays against the cap.

    Raises:
        EngineError: ``invalid_data``.
    """
    if size > most:
        message = f"its arrays would have more than {most} bytes, the operator's cap: bring less, or ask for more"
        raise EngineError("invalid_data", message, "/source")
