"""How outputs lie in memory and files: a row for each pair of picture and view, a column for each number kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, prod
from typing import Any

import torch
from torch import Tensor

from kdcore.errors import EngineError
from kdcore.objective.points import Features
from kdcore.spec.points import LOGITS

IMPOSSIBLE = -1e30
"""For the logarithm of no mass at all."""

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
Spoken = Mapping[str, tuple[tuple[int, ...], torch.dtype]]
"""By point: shape without the batch, and the type that the network says it in."""


@dataclass(frozen=True)
class Column:
    """One tensor of ``[rows, *shape]``."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def row_bytes(self) -> int:
        """Of one row."""
        return prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class PointLayout:
    """How one point is kept.

    Attributes:
        shape: without the batch.
        spoken: type that the network says it in, and that a lookup gives back.
        kept: type of the kept numbers.
        top_k: so many largest of the last dimension, their places, and ``log mean exp`` of the others.
        channels_last: whether maps are kept, and given back, with their channels innermost.
    """

    shape: tuple[int, ...]
    spoken: torch.dtype
    kept: torch.dtype
    top_k: int | None = None
    channels_last: bool = False

    @property
    def columns(self) -> dict[str, Column]:
        """What is kept, by part; one part without a name where the tensor is kept as it is."""
        if self.top_k is None:
            return {"": Column(self._turned, self.kept)}
        rest, classes = self.shape[:-1], self.shape[-1]
        places = torch.int16 if classes <= 2**15 else torch.int32
        few = (*rest, self.top_k)
        return {"values": Column(few, self.kept), "places": Column(few, places), "rest": Column(rest, torch.float32)}

    @property
    def _turned(self) -> tuple[int, ...]:
        return (*self.shape[1:], self.shape[0]) if self.channels_last else self.shape

    def encode(self, value: Tensor) -> dict[str, Tensor]:
        """Columns' rows from what the network said, [B, *shape].

        Raises:
            EngineError: ``invalid_data`` for finite numbers that float16 cannot hold.
        """
        if self.top_k is None:
            return {"": self._rounded(value.movedim(1, -1) if self.channels_last else value)}
        logits = value.float()
        largest, places = logits.topk(self.top_k, -1)
        others = logits.scatter(-1, places, -torch.inf).logsumexp(-1) - log(self.shape[-1] - self.top_k)
        places = places.to(self.columns["places"].dtype)
        return {"values": self._rounded(largest), "places": places, "rest": others.clamp(min=IMPOSSIBLE)}

    def _rounded(self, value: Tensor) -> Tensor:
        rounded = value.to(self.kept)
        if self.kept == torch.float16 and bool((rounded.isinf() & value.isfinite()).any()):
            message = f"outputs of {float(value.abs().max()):.3g} are too large for float16: keep them as bfloat16"
            raise EngineError("invalid_data", message, "/training/cache/dtype")
        return rounded.contiguous()

    def decode(self, rows: Mapping[str, Tensor]) -> Tensor:
        """What the network said, [B, *shape] in the type it said it in.

        From ``top_k`` (ours): the largest logits at their places, every other logit the ``log mean exp`` of those
        that it stands for. At temperature 1 the kept classes have their exact probabilities and the others their
        exact sum; a divergence from these logits lacks what the others differ among themselves, times their sum. At
        temperature T > 1 the others' sum comes out too large (Jensen), by the factor
        ``mean(exp z)^(1/T) / mean(exp(z / T))`` over the others, and softened targets turn much flatter than they
        were: of 100 normal logits with standard deviation 4, the 20 largest keep 99.6 % of the KL to random logits at
        T = 1, and 54 % at T = 4. Keep all logits where a temperature is used.
        """
        if self.top_k is None:
            value = rows[""].movedim(-1, 1) if self.channels_last else rows[""]
            return value.to(self.spoken)
        others = rows["rest"].unsqueeze(-1).expand(*rows["rest"].shape, self.shape[-1])
        return others.scatter(-1, rows["places"].long(), rows["values"].float()).to(self.spoken)

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        names = {"spoken": str(self.spoken), "kept": str(self.kept)}
        return {**vars(self), "shape": list(self.shape), **names}


@dataclass(frozen=True)
class Layout:
    """What is kept of one network.

    A row is ``view * samples + index``. Rows are computed in blocks of ``block``, each by one forward pass, so that
    their bits depend on the key alone and not on who asked first, or on where a build was interrupted.
    """

    points: Mapping[str, PointLayout]
    samples: int
    views: int = 1
    block: int = 64

    @classmethod
    def of(
        cls,
        spoken: Spoken,
        *,
        samples: int,
        views: int = 1,
        dtype: str = "auto",
        top_k: int | None = None,
        channels_last: bool = False,
        block: int = 64,
    ) -> Layout:
        """From what the network says on a sample; ``dtype``, ``top_k`` as in ``kdcore.spec.caching.TeacherCache``."""
        points = {
            name: PointLayout(
                tuple(shape),
                said,
                DTYPES.get(dtype, said),
                top_k if name == LOGITS and top_k is not None and top_k < shape[-1] else None,
                channels_last and len(shape) == 3,
            )
            for name, (shape, said) in spoken.items()
        }
        return cls(points, samples, views, block)

    @property
    def rows(self) -> int:
        """Pairs of picture and view."""
        return self.samples * self.views

    @property
    def blocks(self) -> int:
        """Forward passes; the last one may be smaller."""
        return -(-self.rows // self.block)

    def rows_of(self, block: int) -> range:
        """The rows of a block."""
        return range(block * self.block, min((block + 1) * self.block, self.rows))

    def pairs_of(self, block: int) -> tuple[Tensor, Tensor]:
        """Index and view of the rows of a block, int64."""
        rows = self.rows_of(block)
        numbers = torch.arange(rows.start, rows.stop)
        return numbers % self.samples, numbers // self.samples

    @property
    def columns(self) -> dict[str, Column]:
        """All columns, by file name."""
        return {
            self.file_of(point, part): column
            for point, layout in self.points.items()
            for part, column in layout.columns.items()
        }

    def file_of(self, point: str, part: str) -> str:
        """The file of a column; numbered, because points may hold any characters."""
        number = list(self.points).index(point)
        return f"{number}-{part}.bin" if part else f"{number}.bin"

    def encode(self, said: Features) -> dict[str, Tensor]:
        """Rows of all columns from what the network said."""
        return {
            self.file_of(point, part): rows
            for point, layout in self.points.items()
            for part, rows in layout.encode(said[point]).items()
        }

    @property
    def bytes(self) -> int:
        """Of all rows."""
        return self.rows * sum(column.row_bytes for column in self.columns.values())

    def document(self) -> dict[str, Any]:
        """JSON-ready, points in their order."""
        points = [[name, point.document()] for name, point in self.points.items()]
        return {"points": points, "samples": self.samples, "views": self.views, "block": self.block}
