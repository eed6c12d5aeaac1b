"""What frozen networks need not be asked: training pictures are looked up, held-out ones are asked about once."""

from __future__ import annotations

from collections.abc import Mapping

from kdcore.data.batches import Batch
from kdcore.objective.points import Capture, Features
from kdcore.train.cache import TeacherCache

MOST_BYTES = 2**28
"""Memory that what is said about held-out pictures may take in one stage."""


class Answers:
    """Answers in place of the networks whose outputs are kept; the others are asked each time.

    Args:
        caches: kept outputs by network.
        captures: what the stage reads of each network.
    """

    def __init__(self, caches: Mapping[str, TeacherCache], captures: Mapping[str, Capture]) -> None:
        self._points = {name: capture.points for name, capture in captures.items()}
        self._caches = {name: cache for name, cache in caches.items() if cache.answers(self._points.get(name, ()))}
        self._held_out: dict[tuple[str, int, int], Features] = {}
        self._left = MOST_BYTES

    def of(self, name: str, batch: Batch, *, held_out: bool) -> Features | None:
        """What the network says about a batch; None when it has to be asked."""
        if name not in self._caches:
            return None
        if held_out:
            return self._held_out.get(_place(name, batch))
        return self._caches[name].lookup(batch.index, batch.view, self._points[name])

    def remember(self, name: str, batch: Batch, said: Features) -> None:
        """Keep what a network said about held-out pictures, which are shown unchanged after every epoch."""
        size = sum(value.nbytes for value in said.values())
        if name in self._caches and size <= self._left:
            self._left -= size
            self._held_out[_place(name, batch)] = said


def _place(name: str, batch: Batch) -> tuple[str, int, int]:
    """Held-out batches lie in the split's order: the first picture and their number say which they are."""
    return name, int(batch.index[0]), len(batch.index)
