"""Stored outputs as files have them: rows of CSV and Parquet, arrays of NPZ and safetensors, split by split."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.models.files import memory_at_most, refused
from kdcore.bring.models.tensors import SPARE_BYTES, read_tensors
from kdcore.bring.rows.chunks import Chunk
from kdcore.bring.rows.files import RowsFile
from kdcore.bring.rows.numbers import as_text, is_missing, numbers
from kdcore.spec.bringing.models import OutputsModel
from kdcore.spec.bringing.rows import RowsReading
from kdcore.spec.cards import SplitName

Array = NDArray[Any]
SPLITS: tuple[str, ...] = get_args(SplitName)
NAMED = "named"
ARRAYS = ("outputs", "values", "places", "rest", "names")


@dataclass(frozen=True)
class Part:
    """The rows of one split, or all rows where they are keyed by names.

    Attributes:
        values: float [N, K], or [N, k] of the largest.
        places: int [N, k], which outputs those are; None where all are there.
        rest: float [N], the mass of all others, where it is known.
        names: of the samples, where rows are keyed by them.
        index: int [N], places of the samples in their split, where rows are keyed by those.
    """

    values: Array
    places: Array | None = None
    rest: Array | None = None
    names: tuple[str, ...] = ()
    index: Array | None = None

    def __len__(self) -> int:
        return len(self.values)

    def key(self, row: int) -> str:
        """What a report calls a row."""
        return repr(self.names[row]) if self.names else str(row if self.index is None else int(self.index[row]))


def read_rows(path: Path, _folder: Path, options: OutputsModel, caps: Caps, findings: Findings) -> dict[str, Part]:
    """Rows of a CSV, TSV or Parquet file, by split, or all as ``named``.

    Raises:
        EngineError: ``invalid_data`` for missing columns.
    """
    gathered: dict[str, list[dict[str, Any]]] = {}
    count = 0
    with memory_at_most(8 * path.stat().st_size + 2 * SPARE_BYTES):
        for chunk in RowsFile(path, path.name).chunks(RowsReading(), caps, findings):
            count += len(chunk)
            if count > caps.examples:
                raise refused(path.name, f"has more rows than the {caps.examples} that are allowed")
            for split, rows in _by_split(chunk, findings).items():
                gathered.setdefault(split, []).append(_columns(chunk.take(rows), findings))
    return {split: _joined(pieces, split, path.name) for split, pieces in gathered.items()}


def _by_split(chunk: Chunk, findings: Findings) -> dict[str, list[int]]:
    if "name" in chunk.columns:
        return {NAMED: list(range(len(chunk)))}
    if not {"split", "index"} <= set(chunk.columns):
        shown = ", ".join(list(chunk.columns)[:8])
        raise refused(chunk.file, f"has neither a column 'name' nor 'split' and 'index' (columns: {shown})")
    found: dict[str, list[int]] = {}
    for row, cell in enumerate(chunk.columns["split"]):
        split = as_text(cell)
        if split in SPLITS:
            found.setdefault(split, []).append(row)
        else:
            findings.fault(chunk.name(row), "unknown_split", f"split {split!r} is none of {', '.join(SPLITS)}")
    return found


def _columns(chunk: Chunk, findings: Findings) -> dict[str, Any]:
    def read(names: Sequence[str]) -> Array:
        return np.stack([_numbers(chunk, name, findings) for name in names], axis=1)

    dense, values, places = (_numbered(chunk, kind) for kind in ("output_", "value_", "place_"))
    if bool(dense) == bool(values) or len(values) != len(places):
        message = "needs columns output_0, output_1, ..., or value_0, place_0, value_1, place_1, ... of the largest"
        raise refused(chunk.file, message)
    found: dict[str, Any] = {"values": read(dense or values).astype(np.float32)}
    if values:
        found["places"] = read(places).astype(np.int64)
        if "rest" in chunk.columns:
            found["rest"] = _numbers(chunk, "rest", findings)
    if "name" in chunk.columns:
        found["names"] = [as_text(cell) for cell in chunk.columns["name"]]
    else:
        found["index"] = _numbers(chunk, "index", findings).astype(np.int64)
    return found


def _numbered(chunk: Chunk, kind: str) -> list[str]:
    """Columns ``kind0``, ``kind1``, ... in their order, without a gap.

    Raises:
        EngineError: ``invalid_data`` for a gap.
    """
    names = [name for name in chunk.columns if name.startswith(kind) and name[len(kind) :].isdecimal()]
    ordered = [f"{kind}{number}" for number in range(len(names))]
    missing = next((name for name in ordered if name not in chunk.columns), None)
    if missing is not None:
        raise refused(chunk.file, f"has {len(names)} columns {kind}<number> and lacks {missing}")
    return ordered


def _numbers(chunk: Chunk, name: str, findings: Findings) -> Array:
    """A column as numbers; every cell must have one."""

    def fault(row: int, code: str, message: str) -> None:
        findings.fault(f"{chunk.name(row)}, column {name}", code, message)

    cells = chunk.columns[name]
    for row, cell in enumerate(cells):
        if is_missing(cell):
            fault(row, "missing", "has no value")
    return np.nan_to_num(numbers(cells, fault), nan=0.0)


def _joined(pieces: Sequence[Mapping[str, Any]], split: str, item: str) -> Part:
    arrays = {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0] if key != "names"}
    names = tuple(name for piece in pieces for name in piece.get("names", ()))
    return _keyed_once(Part(**arrays, names=names), split, item)


def _keyed_once(part: Part, split: str, item: str) -> Part:
    """The part, if no sample has two rows; rows keyed by place in their order."""
    if part.names:
        seen: set[str] = set()
        for name in part.names:
            if name in seen:
                raise refused(item, f"has two rows for sample {name!r}")
            seen.add(name)
    if part.index is not None:
        ordered, counts = np.unique(part.index, return_counts=True)
        if bool((counts > 1).any()) or (len(ordered) and ordered[0] < 0):
            wrong = int(ordered[counts > 1][0]) if bool((counts > 1).any()) else int(ordered[0])
            raise refused(item, f"{split}: index {wrong} stands there twice or is no place")
    return part


def read_arrays(path: Path, folder: Path, options: OutputsModel, caps: Caps, findings: Findings) -> dict[str, Part]:
    """Arrays of an NPZ or safetensors file, by split, or all as ``named``.

    Raises:
        EngineError: ``invalid_data`` for arrays that are missing, too large, or do not belong together.
    """
    found = _npz(path, caps) if path.suffix.lower() == ".npz" else _safetensors(path, caps)
    by_split: dict[str, dict[str, Array]] = {}
    for full, array in found.items():
        split, slash, name = full.rpartition("/")
        if name not in ARRAYS or (slash and split not in SPLITS):
            raise refused(
                path.name, f"array {full!r} is none of {', '.join(ARRAYS)}, alone or behind 'train/' and so on"
            )
        by_split.setdefault(split or NAMED, {})[name] = array
    if NAMED in by_split and len(by_split) > 1:
        raise refused(path.name, "has arrays with and without a split before their names: choose one")
    return {split: _part(split, arrays, folder, path.name, caps) for split, arrays in by_split.items()}


def _part(split: str, arrays: Mapping[str, Array], folder: Path, item: str, caps: Caps) -> Part:
    values = arrays.get("outputs", arrays.get("values"))
    if values is None or ("values" in arrays) != ("places" in arrays) or {"outputs", "values"} <= set(arrays):
        raise refused(item, f"{split}: give 'outputs', or 'values' with 'places'")
    for name, array in arrays.items():
        wanted = 1 if name in {"rest", "names"} else 2
        if array.ndim != wanted or len(array) != len(values):
            raise refused(item, f"{split}: array {name!r} of shape {array.shape} does not belong to {values.shape}")
    if len(values) > caps.examples or not values.size:
        raise refused(item, f"{split}: has {len(values)} rows; 1 to {caps.examples} are allowed")
    if arrays.get("places") is not None and arrays["places"].shape != values.shape:
        raise refused(item, f"{split}: 'places' {arrays['places'].shape} and 'values' {values.shape} differ")
    names = tuple(str(name) for name in arrays["names"]) if "names" in arrays else ()
    if split == NAMED and not names:
        names = _names_beside(folder, len(values), item, caps)
    index = None if split == NAMED else np.arange(len(values))
    part = Part(values, arrays.get("places"), arrays.get("rest"), names if split == NAMED else (), index)
    return _keyed_once(part, split, item)


def _names_beside(folder: Path, count: int, item: str, caps: Caps) -> tuple[str, ...]:
    path = folder / "names.txt"
    if not path.is_file() or path.is_symlink() or path.stat().st_size > caps.model_bytes:
        raise refused(
            item, "says of no row which sample it is: put 'train/' before its arrays, or bring names.txt, too"
        )
    names = tuple(path.read_text(encoding="utf-8", errors="replace").splitlines())
    if len(names) != count:
        raise refused("names.txt", f"has {len(names)} lines, and {item} has {count} rows")
    return names


def _npz(path: Path, caps: Caps) -> dict[str, Array]:
    """Arrays of numbers and texts; nothing that would have to be unpickled."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if len(members) > len(ARRAYS) * len(SPLITS) or size > caps.model_bytes:
                raise refused(path.name, f"has {len(members)} arrays of {size} bytes; {caps.model_bytes} are allowed")
            packed = max(path.stat().st_size, 2**20)
            if size > caps.ratio * packed:
                raise refused(path.name, f"unpacks to {size} bytes, more than {caps.ratio:g} times its own size")
        with memory_at_most(2 * size + SPARE_BYTES), np.load(path, allow_pickle=False) as file:
            return {name: _plain(file[name], f"{path.name}, array {name!r}") for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, MemoryError, KeyError, NotImplementedError) as error:
        # The last is what zipfile raises for ways of packing that it does not know.
        first = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise refused(path.name, f"is no whole NPZ file of numbers ({first})") from None


def _plain(array: Array, item: str) -> Array:
    if array.dtype.kind not in "fiuU":
        raise refused(item, f"holds {array.dtype}, not numbers")
    return array


def _safetensors(path: Path, caps: Caps) -> dict[str, Array]:
    tensors, _ = read_tensors(path, caps)
    return {
        name: value.float().numpy() if value.is_floating_point() else value.numpy() for name, value in tensors.items()
    }


__all__ = ["NAMED", "SPLITS", "Part", "read_arrays", "read_rows"]
