"""From the numbers that traces saw to the expression of sizes that makes them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kdcore.spec.catalogue_sizes import Sizes, scaled

STRIDES = (1, 2, 4, 8, 16, 32, 64, 14, 7, 28, 56)
"""Products of strides that a network may have between its input and a layer."""

WINDOW = 512
"""Expressions that agree on so many sides are the same."""

PIECES = (*range(1, 11), 12, 24, 48)
"""Factors of a layer's width, such as the pieces of a maxout or the parts that attention heads share."""


class NoExpression(ValueError):
    """No expression makes these numbers."""


class Undecided(ValueError):
    """Several expressions do; a picture of side ``try_next`` tells them apart."""

    def __init__(self, try_next: int) -> None:
        self.try_next = try_next
        super().__init__(f"a trace at side {try_next} is needed")


class Fitter:
    """Finds the expression of values seen at ``settings``, one value each; all sides are multiples of ``step``."""

    def __init__(self, settings: Sequence[Sizes], step: int = 1) -> None:
        self._settings = settings
        self._step = step
        self._found: dict[tuple[int, ...], str] = {}

    def expression(self, values: Sequence[int]) -> str:
        """The expression that gives ``values``.

        Raises:
            NoExpression: there is none in the catalogue's language.
            Undecided: there are several.
        """
        key = tuple(values)
        if key not in self._found:
            self._found[key] = self._fit(key)
        return self._found[key]

    def _fit(self, values: tuple[int, ...]) -> str:
        if len(set(values)) == 1:
            return str(values[0])
        if values == tuple(s.classes for s in self._settings):
            return "k"
        if values == tuple(s.channels for s in self._settings):
            return "c"
        if values == tuple(s.heads for s in self._settings):
            return "a"
        found = self._channels(values) or self._side(values) or self._area(values)
        if found is None:
            raise NoExpression(f"no expression gives {values} at {self._settings}")
        return found

    def _channels(self, values: Sequence[int]) -> str | None:
        at_one = next(v for v, s in zip(values, self._settings, strict=True) if s.multiplier == 1)
        found = [
            pieces
            for pieces in PIECES
            if at_one % pieces == 0
            and all(
                v == pieces * scaled(at_one // pieces, s.multiplier)
                for v, s in zip(values, self._settings, strict=True)
            )
        ]
        if len(found) > 1:
            raise NoExpression(f"{values} may be of {found} pieces: trace at further widths")
        if not found:
            return None
        return f"{at_one}x" if found == [1] else f"{found[0]}*{at_one // found[0]}x"

    def _side(self, values: Sequence[int]) -> str | None:
        heights = _floor(values, [s.height for s in self._settings], self._step)
        widths = None if heights else _floor(values, [s.width for s in self._settings], self._step)
        for letter, found in (("h", heights), ("w", widths)):
            if found is not None:
                return f"{letter}{found[0]}/{found[1]}"
        return None

    def _area(self, values: Sequence[int]) -> str | None:
        """``factor * height * width + rest``, such as tokens, or a flattened map whose factor scales with the width."""
        for stride in STRIDES:
            for add in range(-stride, stride + 1):
                found = self._product(values, add, stride)
                if found is not None:
                    return found
        return None

    def _product(self, values: Sequence[int], add: int, stride: int) -> str | None:
        areas = [(s.height + add) // stride * ((s.width + add) // stride) for s in self._settings]
        plain = [(a, v) for a, v, s in zip(areas, values, self._settings, strict=True) if s.multiplier == 1]
        low, high = min(plain), max(plain)
        if low[0] == high[0]:
            return None
        factor, rest = divmod(high[1] - low[1], high[0] - low[0])
        constant = low[1] - factor * low[0]
        if rest or factor < 1 or constant < 0 or any(v != factor * a + constant for a, v in plain):
            return None
        sides = f"h{add}/{stride}*w{add}/{stride}"
        if all(v == factor * a + constant for v, a in zip(values, areas, strict=True)):
            return "+".join(filter(None, [f"{factor}*{sides}", str(constant) if constant else ""]))
        scaled_values = tuple(v // max(a, 1) for v, a in zip(values, areas, strict=True))
        channels = None if constant else self._channels(scaled_values)
        exact = all(v == f * a for v, f, a in zip(values, scaled_values, areas, strict=True))
        return f"{channels}*{sides}" if channels and exact else None


def _floor(values: Sequence[int], sides: Sequence[int], step: int) -> tuple[int, int] | None:
    """``(add, stride)`` with ``value = (side + add) // stride`` for every pair.

    Raises:
        Undecided: when several do that differ on multiples of ``step``; with the side that leaves fewest of them.
    """
    fits = [(add, stride) for stride in STRIDES for add in _adds(values, sides, stride)]
    if not fits:
        return None
    side = min(range(max(sides), max(sides) + WINDOW, step), key=lambda side: _undecided(fits, side))
    if _undecided(fits, side) < len(fits):
        raise Undecided(side)
    return min(fits, key=lambda fit: abs(fit[0]) if step > 1 else 0)


def _adds(values: Sequence[int], sides: Sequence[int], stride: int) -> range:
    low = max(v * stride - side for v, side in zip(values, sides, strict=True))
    high = min(v * stride + stride - 1 - side for v, side in zip(values, sides, strict=True))
    return range(low, high + 1)


def _undecided(fits: Sequence[tuple[int, int]], side: int) -> int:
    """How many of ``fits`` may be left once the value at ``side`` is known."""
    return max(Counter((side + add) // stride for add, stride in fits).values())
