"""Stored outputs laid out by a job's splits: looked up where kept outputs are looked up, without a network behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from kdcore.errors import EngineError
from kdcore.train.cache.layout import PointLayout

NAMED, NAMES = "named", "names.txt"
AT = "/teacher"
SHOWN = 3

Places = Mapping[str, Tensor]
"""By split of the job: int64 [N], each example's place in the dataset as it came."""

Scale = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of target values."""


class Table:
    """Logits of every example of a job, from the file that bringing a table of outputs has left.

    Attributes:
        where: by split, the table's row of each example; -1 where it has none.
    """

    def __init__(
        self, parts: Mapping[str, Tensor], outputs: int, where: Mapping[str, Tensor], scale: Scale | None = None
    ) -> None:
        self._parts, self._outputs, self.where, self._scale = parts, outputs, where, scale

    @classmethod
    def read(
        cls,
        path: Path,
        places: Places,
        sizes: Mapping[str, int],
        names: Sequence[str],
        outputs: int,
        scale: Scale | None = None,
    ) -> Table:
        """The table, its rows found for the examples at ``places``.

        Args:
            path: of ``outputs.safetensors``.
            sizes: examples of each of the dataset's own splits, in the order of their places.
            names: of all samples in the order of their places; may be empty.
            outputs: of a row.
            scale: by which values are standardised, as networks learn them.

        Raises:
            EngineError: ``invalid_data``: a damaged file, or no row for examples of training or validation.
        """
        try:
            state = load_file(path)
        except (OSError, SafetensorError) as error:
            raise EngineError("invalid_data", f"the table of stored outputs cannot be read ({error})", AT) from None
        parts, rows = _joined(state, path.with_name(NAMES), sizes, names)
        found = {split: rows[place] for split, place in places.items()}
        for split in ("train", "validation"):
            _check(split, found[split], places[split], names)
        return cls(parts, outputs, found, scale)

    def covers(self, split: str) -> bool:
        """Whether every example of a split has a row."""
        return bool((self.where[split] >= 0).all())

    def rows(self, split: str, index: Tensor) -> Tensor:
        """Logits float32 [B, K] of the examples at ``index``, int64 [B], of a split."""
        taken = {name: part[self.where[split][index.cpu()]] for name, part in self._parts.items()}
        if "places" in taken:
            k = taken["values"].shape[1]
            few = k if k < self._outputs else None
            said = _spread(taken, self._outputs) if few is None else _layout(self._outputs, few).decode(taken)
        else:
            said = taken["logits"]
        if self._scale is None:
            return said
        mean, std = self._scale
        return (said - said.new_tensor(mean)) / said.new_tensor(std)


def _layout(outputs: int, few: int) -> PointLayout:
    return PointLayout((outputs,), torch.float32, torch.float32, top_k=few)


def _spread(taken: Mapping[str, Tensor], outputs: int) -> Tensor:
    """All outputs, stored in the order of their size."""
    empty = taken["values"].new_zeros(len(taken["values"]), outputs)
    return empty.scatter(1, taken["places"].long(), taken["values"])


def _joined(
    state: Mapping[str, Tensor], names_file: Path, sizes: Mapping[str, int], names: Sequence[str]
) -> tuple[dict[str, Tensor], Tensor]:
    """All rows as one table, and for each place of the dataset its row, -1 where there is none."""
    rows = torch.full((sum(sizes.values()),), -1, dtype=torch.int64)
    splits = list(dict.fromkeys(key.partition("/")[0] for key in state))
    offsets, start = {}, 0
    for split, size in sizes.items():
        offsets[split] = start
        start += size
    gathered: dict[str, list[Tensor]] = {}
    begin = 0
    for split in splits:
        own = {key.partition("/")[2]: value for key, value in state.items() if key.startswith(f"{split}/")}
        index = own.pop("index", None)
        count = len(next(iter(own.values())))
        if split == NAMED:
            places = _by_name(names_file, names)
        elif split not in offsets:
            places = torch.full((count,), -1)
        else:
            assert index is not None
            places = torch.where(index < sizes[split], index + offsets[split], -1)
        known = places >= 0
        rows[places[known]] = torch.arange(begin, begin + count)[known]
        for key, value in own.items():
            gathered.setdefault(key, []).append(value)
        begin += count
    return {key: torch.cat(values) for key, values in gathered.items()}, rows


def _by_name(file: Path, names: Sequence[str]) -> Tensor:
    """The place of each row's sample; -1 for samples that the dataset has not.

    Raises:
        EngineError: ``invalid_data``: a dataset without names, or with one name twice.
    """
    remedy = "bring the table with columns 'split' and 'index' instead"
    if not names:
        message = f"the table is keyed by names, and this dataset's samples have none: {remedy}"
        raise EngineError("invalid_data", message, AT)
    place = {name: at for at, name in enumerate(names)}
    if len(place) < len(names):
        twice = next(name for at, name in enumerate(names) if place[name] != at)
        raise EngineError("invalid_data", f"the dataset has several samples called {twice!r}: {remedy}", AT)
    lines = file.read_text(encoding="utf-8").split("\n")[:-1]
    return torch.tensor([place.get(name, -1) for name in lines], dtype=torch.int64)


def _check(split: str, rows: Tensor, places: Tensor, names: Sequence[str]) -> None:
    """Every example that somebody is taught or chosen by has a row."""
    missing = (rows < 0).nonzero().flatten()
    if len(missing):
        shown = [names[place] if names else f"place {place}" for place in places[missing[:SHOWN]].tolist()]
        message = (
            f"the table of stored outputs has no row for {len(missing)} of the {len(rows)} examples of {split} "
            f"({', '.join(shown)}{', ...' if len(missing) > SHOWN else ''}): bring one that has all of them"
        )
        raise EngineError("invalid_data", message, AT)
